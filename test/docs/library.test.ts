import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { installPacked, ROOT } from '../helpers/packed.ts'

const run = promisify(execFile)
const PAGES = ['README.md', 'docs/library.md']

test('the code of the documentation compiles against the package', async (t) => {
  const project = await mkdtemp(join(tmpdir(), 'blobcached-docs-'))
  t.teardown(() => rm(project, { recursive: true, force: true }))
  await installPacked(project)
  const files: string[] = []
  for (const page of PAGES) {
    const text = await readFile(join(ROOT, page), 'utf8')
    const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)]
    t.true(blocks.length > 0, page)
    for (const [, code] of blocks) {
      const file = `${files.length}.mts`
      await writeFile(join(project, file), `// ${page}\n${code}`)
      files.push(file)
    }
  }
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    strict: true,
    noEmit: true,
    types: ['node'],
  }
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc')
  const { stdout } = await run(tsc, ['-p', '.'], { cwd: project }).catch((error) => error)
  t.is(stdout, '')
})
