import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { pack, ROOT } from '../helpers/packed.ts'

const folder = await mkdtemp(join(tmpdir(), 'blobcached-pack-'))
const { files } = await pack(folder)
test.after.always(() => rm(folder, { recursive: true, force: true }))

const EXPECTED = [
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
  /^deploy\/[a-z]+\/[\w.-]+\.(service|ya?ml|json)$/,
  /^docs\/[\w-]+\.(md|png|svg)$/,
  /^dist\/(?:[\w-]+\/)*[\w-]+\.(?:js|d\.ts)$/,
  /^dist\/web\/[\w-]+\.(?:html|css|svg)$/,
]

test('the package holds what it should and nothing else', async (t) => {
  t.deepEqual(
    files.filter((path) => !EXPECTED.some((pattern) => pattern.test(path))),
    [],
  )
  for (const path of [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cli/main.js',
    'dist/http/index.js',
  ]) {
    t.true(files.includes(path), path)
  }
  t.true(files.some((path) => /^dist\/web\/.*\.html$/.test(path)))
})

test('everything that package.json points to is in the package', async (t) => {
  const { main, types, bin, exports } = JSON.parse(
    await readFile(join(ROOT, 'package.json'), 'utf8'),
  )
  const targets = [main, types, ...Object.values(bin), ...Object.values(exports).flatMap(leaves)]
  for (const target of targets) t.true(files.includes(String(target).replace(/^\.\//, '')), target)
})

test('no file of the package is left over from an earlier build', async (t) => {
  const sources = new Set<string>()
  for (const path of files.filter((file) => /^dist\/(?!web\/).*\.js$/.test(file))) {
    const source = join(ROOT, 'src', path.slice('dist/'.length))
    const candidates = [source, source.replace(/\.js$/, '.ts')]
    await t.notThrowsAsync(Promise.any(candidates.map((file) => readFile(file))), path)
    sources.add(source)
  }
  t.true(sources.size > 50)
})

function leaves(target: unknown): string[] {
  return typeof target === 'string' ? [target] : Object.values(target as object).flatMap(leaves)
}
