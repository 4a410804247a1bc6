import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'ava'
import { PNG } from 'pngjs'
import { startMemcached } from '../helpers/memcached.ts'

test('the thumbnail service makes one once, and again when the cache has lost it', async (t) => {
  const cache = await startMemcached(t)
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-thumbnails-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const image = new PNG({ width: 40, height: 20 })
  image.data.fill(200)
  await writeFile(join(folder, 'grey.png'), PNG.sync.write(image))

  const env = { ...process.env, MEMCACHE_SERVERS: cache.address, PORT: '0' }
  const child = spawn(process.execPath, ['--import=tsx', 'examples/thumbnails/server.ts', folder], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const [line] = await once(createInterface(child.stdout), 'line')
  const url = /http:\S+/.exec(line)![0]
  const get = async () => {
    const answer = await fetch(`${url}/thumbnails/10/grey.png`)
    const { width, height, data } = PNG.sync.read(Buffer.from(await answer.arrayBuffer()))
    t.deepEqual([answer.status, width, height, data[0]], [200, 10, 5, 200])
    return answer.headers.get('x-thumbnail')
  }

  t.is(await get(), 'made')
  t.is(await get(), 'cache')
  await cache.raw.flush()
  t.is(await get(), 'made')
  await cache.stop()
  t.is(await get(), 'made', 'a cache that is down costs time, nothing else')
  const missing = await fetch(`${url}/thumbnails/10/none.png`)
  t.is(missing.status, 404)
  await missing.body?.cancel()

  child.kill('SIGTERM')
  t.deepEqual(await once(child, 'exit'), [0, null])
})
