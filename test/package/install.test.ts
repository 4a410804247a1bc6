import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { installPacked, ROOT } from '../helpers/packed.ts'

const run = promisify(execFile)

const project = await mkdtemp(join(tmpdir(), 'blobcached-pack-'))
await installPacked(project)
test.after.always(() => rm(project, { recursive: true, force: true }))

const USE = `
const store = new FileStore(memory())
const { hash } = await store.put('content', { name: 'a' })
const file = await store.get('a')
if (String(await file.bytes()) !== 'content') throw new Error('other bytes')
const server = await startServer(store, { port: 0 })
const answer = await fetch(server.url + '/blobs/' + hash)
console.log(await answer.text())
await server.close()
`

test('the package works from ESM and from CommonJS', async (t) => {
  await writeFile(
    join(project, 'use.mjs'),
    `import { FileStore, memory } from 'blobcached'
import { startServer } from 'blobcached/server'
${USE}`,
  )
  await writeFile(
    join(project, 'use.cjs'),
    `const { FileStore, memory } = require('blobcached')
const { startServer } = require('blobcached/server')
async function main() {${USE}}
main()`,
  )
  for (const file of ['use.mjs', 'use.cjs']) {
    t.is((await run(process.execPath, [file], { cwd: project })).stdout, 'content\n', file)
  }
})

const TYPED = `
const store: FileStore = new FileStore(memory({ maxBytes: 1e9 }), { ttl: 60 })
export const receipt: Promise<Receipt> = store.put(Buffer.from('x'), { name: 'a' })
export const wrong = (error: unknown) => error instanceof NotFoundError && error.code === 'not-found'
export const cache = memcached('127.0.0.1:11211', { timeoutMs: 100 })
export const app: { callback(): unknown } = createApp(store)
export const server = startServer(store)
export const optional = store.put('x', { name: undefined, type: undefined, ttl: undefined })
// @ts-expect-error: there is no such option
export const no = store.put('x', { naem: 'a' })
`
const IMPORTS = `import { FileStore, memcached, memory, NotFoundError, type Receipt } from 'blobcached'
import { createApp, startServer } from 'blobcached/server'`

const RESOLUTIONS = {
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
}

const OLDEST = join(ROOT, 'test/package/oldest/node_modules/typescript/bin/tsc')
const COMPILERS = { today: join(ROOT, 'node_modules/typescript/bin/tsc'), '5.7': OLDEST }

const CASES = Object.entries(COMPILERS).flatMap(([age, tsc]) =>
  Object.entries(RESOLUTIONS).map(([name, resolution]) => ({ age, tsc, name, resolution })),
)

for (const { age, tsc, name, resolution } of CASES) {
  test(`the types are sound under strict TypeScript of ${age} with ${name} resolution`, async (t) => {
    const config = `tsconfig.${name}.${age}.json`
    const compilerOptions = {
      ...resolution,
      target: 'es2022',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      types: ['node'],
    }
    const files = name === 'nodenext' ? ['next.mts'] : ['bundled.mts']
    // TypeScript knows since 5.8 that Node.js can `require` a module.
    if (name === 'nodenext' && age === 'today') files.push('next.cts')
    await writeFile(join(project, config), JSON.stringify({ compilerOptions, files }))
    for (const file of files) await writeFile(join(project, file), `${IMPORTS}\n${TYPED}`)

    const args = [tsc, '-p', config]
    const { stdout } = await run(process.execPath, args, { cwd: project }).catch((error) => error)
    t.is(stdout, '')
  })
}

test('blobcached runs from the PATH', async (t) => {
  const bin = join(project, 'blobcached')
  await symlink(join(project, 'node_modules/blobcached/dist/cli/main.js'), bin)
  const env = { ...process.env, PATH: `${project}:${process.env.PATH}` }
  const { stdout } = await run('sh', ['-c', 'blobcached --version'], { env })
  t.regex(stdout, /^\d+\.\d+\.\d+/)
})
