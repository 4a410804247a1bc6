import { execFile, spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { MemcachedFleet } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { COMMAND } from '../helpers/cli.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { ROOT } from '../helpers/packed.ts'
import { startTestServer } from '../helpers/server.ts'

const run = promisify(execFile)

// Skipped without curl, which CI has.
const canTry = ['curl', 'bash'].every((tool) => spawnSync(tool, ['--version']).status === 0)
const testIf = canTry ? test : test.skip

const CONTENT = bytes('report', 1_200_000)
const PAGE = Buffer.from('<h1>site</h1>')

/** Runs all shell blocks of a page in order, in a folder with the files that they name; returns the folder. */
async function runBlocks(t: ExecutionContext, page: string): Promise<string> {
  const caches = await Promise.all([startMemcached(t), startMemcached(t)])
  const engine = new MemcachedFleet(
    caches.map(({ address }) => address),
    { replicas: 2 },
  )
  const { url, store } = await startTestServer(t, { engine })
  const { hash } = await store.put(CONTENT)
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-page-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'site'))
  await mkdir(join(folder, 'bin'))
  await writeFile(join(folder, 'report.pdf'), CONTENT)
  await writeFile(join(folder, 'site/index.html'), PAGE)
  await writeFile(join(folder, 'site/build.log'), 'log')
  await writeFile(join(folder, '.curlrc'), 'fail\nsilent\n')
  const program = join(folder, 'bin/blobcached')
  await writeFile(program, `#!/bin/sh\nexec ${[process.execPath, ...COMMAND].join(' ')} "$@"\n`)
  await chmod(program, 0o755)

  const text = await readFile(join(ROOT, page), 'utf8')
  const lines = [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) =>
    block!.split('\n'),
  )
  const script = lines
    .filter((line) => !/^(npm|docker) /.test(line))
    .join('\n')
    .replaceAll('http://127.0.0.1:8080', url)
    .replaceAll('<hash>', hash)
  t.true(script.length > 200)
  const { PATH, ...env } = process.env
  await run('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: folder,
    env: { ...env, PATH: `${folder}/bin:${PATH}`, CURL_HOME: folder, BLOBCACHED_SERVER: url },
  })
  return folder
}

testIf('every command of README.md works', async (t) => {
  const folder = await runBlocks(t, 'README.md')
  t.deepEqual(await readFile(join(folder, 'copy.pdf')), CONTENT)
  t.deepEqual(await readFile(join(folder, 'restored/site/index.html')), PAGE)
})

test('every npm script that README.md and CONTRIBUTING.md name is one', async (t) => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  for (const page of ['README.md', 'CONTRIBUTING.md']) {
    const text = await readFile(join(ROOT, page), 'utf8')
    for (const [, name] of text.matchAll(/npm (?:run )?(?!install|link|version)([a-z][a-z:]*)/g)) {
      t.true(Object.hasOwn(scripts, name!), `${page}: npm ${name}`)
    }
  }
})

testIf('every command of docs/command-line.md works', async (t) => {
  const folder = await runBlocks(t, 'docs/command-line.md')
  t.deepEqual(await readFile(join(folder, 'copy.pdf')), CONTENT)
  t.deepEqual(await readFile(join(folder, 'restored/site/index.html')), PAGE)
  t.is((await readFile(join(folder, 'SUMS'), 'utf8')).split('\n').length, 3)
})
