import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import commonjs from '@rollup/plugin-commonjs'
import json from '@rollup/plugin-json'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import test from 'ava'
import { build } from 'esbuild'
import { type Plugin, rollup } from 'rollup'
import { installPacked } from '../helpers/packed.ts'

const run = promisify(execFile)

const project = await mkdtemp(join(tmpdir(), 'blobcached-bundle-'))
await installPacked(project)
const entry = join(project, 'entry.mjs')

/** Stores more than is hashed in place, since a bundle has no file for the threads. */
await writeFile(
  entry,
  `import { FileStore, memory } from 'blobcached'
import { startServer } from 'blobcached/server'
async function main() {
  const store = new FileStore(memory())
  const server = await startServer(store, { port: 0 })
  const body = Buffer.alloc(3_000_000, 'x')
  for (const name of ['a', 'b']) await fetch(server.url + '/files/' + name, { method: 'PUT', body })
  const file = await fetch(server.url + '/files/a')
  const description = await fetch(server.url + '/openapi.json')
  console.log((await file.text()).length, description.status, (await fetch(server.url)).status)
  await server.close()
}
main()`,
)

test.after.always(() => rm(project, { recursive: true, force: true }))

/** Runs a bundle in a folder without modules, beside a folder that looks like the page. */
async function outputOf(bundle: string): Promise<string> {
  const { stdout } = await run(process.execPath, [bundle], { cwd: tmpdir() })
  return stdout
}

async function outfile(name: string): Promise<string> {
  const folder = join(project, 'bundles', name)
  await mkdir(join(folder, 'web'), { recursive: true })
  await writeFile(join(folder, 'web/index.html'), 'not the page')
  return folder
}

/** What koa and others need of CommonJS in a module. */
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

test('a server works when esbuild has bundled it, as a module and as CommonJS', async (t) => {
  for (const format of ['esm', 'cjs'] as const) {
    const folder = await outfile(`esbuild-${format}`)
    const bundle = join(folder, 'a/b', format === 'esm' ? 'server.mjs' : 'server.cjs')
    await build({
      ...{ entryPoints: [entry], outfile: bundle, bundle: true, platform: 'node', format },
      ...{ target: 'node20', logLevel: 'error', logOverride: { 'empty-import-meta': 'silent' } },
      ...(format === 'esm' && { banner: { js: REQUIRE } }),
    })
    t.is(await outputOf(bundle), '3000000 200 404\n', format)
  }
})

/** Calls what the declarations of these plugins give no call for under `nodenext`. */
const plugin = (made: unknown) => (made as () => Plugin)()

test('a server works when rollup has bundled it', async (t) => {
  const folder = await outfile('rollup')
  const bundle = join(folder, 'a/b/server.mjs')
  const plugins = [nodeResolve({ preferBuiltins: true }), plugin(commonjs), plugin(json)]
  const made = await rollup({ input: entry, plugins, onwarn() {} })
  await made.write({ file: bundle, format: 'esm', inlineDynamicImports: true })
  await made.close()
  t.is(await outputOf(bundle), '3000000 200 404\n')
})
