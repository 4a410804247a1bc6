import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import test from 'ava'
import { bytes } from '../helpers/bytes.ts'
import { ask } from '../helpers/http.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { installPacked } from '../helpers/packed.ts'
import { installBun } from '../helpers/runtimes.ts'
import { watched } from '../helpers/watchdog.ts'

const run = promisify(execFile)
const project = await mkdtemp(join(tmpdir(), 'blobcached-bun-'))
await installPacked(project)
const bun = await installBun().catch(() => undefined)
if (bun === undefined) console.error('SKIPPED: Bun. npm cannot install it here.')
const testIf = bun === undefined ? test.skip : test
test.after.always(() => rm(project, { recursive: true, force: true }))

testIf('the library works under Bun', async (t) => {
  const { address } = await startMemcached(t)
  await writeFile(
    join(project, 'use.mjs'),
    `import { FileStore, memcached } from 'blobcached'
const store = new FileStore(memcached('${address}'))
const content = Buffer.alloc(3_000_000, 'abc')
await store.put(content, { name: 'a' })
const file = await store.get('a')
let length = 0
for await (const bytes of file.stream()) length += bytes.length
console.log(length, (await file.bytes()).equals(content), await store.missing([file.hash]))
await store.close()
`,
  )
  t.is((await run(bun!, ['use.mjs'], { cwd: project })).stdout, '3000000 true []\n')
})

testIf('the server works under Bun, and stops cleanly', async (t) => {
  const { address } = await startMemcached(t)
  const main = join(project, 'node_modules/blobcached/dist/cli/main.js')
  const args = [main, 'serve', '--port', '0', '--memcached', address]
  const server = spawn(bun!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => void server.kill('SIGKILL'))
  const url = await watched('the address', urlOf(server))

  const content = bytes('bun', 3_000_000)
  t.is((await ask(`${url}/files/a`, { method: 'PUT', body: content })).status, 201)
  t.true((await ask(`${url}/files/a`)).body.equals(content))
  const part = await ask(`${url}/files/a`, { headers: { Range: 'bytes=1000000-1999999' } })
  t.true(part.body.equals(content.subarray(1_000_000, 2_000_000)))
  t.is((await ask(`${url}/files/b`)).status, 404)
  server.kill('SIGTERM')
  t.deepEqual(await watched('the end', once(server, 'exit')), [0, null])
})

async function urlOf({ stdout }: ChildProcess): Promise<string> {
  for await (const line of createInterface(stdout!)) {
    const { url } = JSON.parse(line)
    if (url !== undefined) {
      stdout!.resume()
      return url
    }
  }
  throw new Error('the server ended')
}
