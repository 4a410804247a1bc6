import test from 'ava'
import { memcached } from '../../../src/index.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { freePort } from '../../helpers/ports.ts'
import { startTestServer } from '../../helpers/server.ts'

test('healthz and readyz answer 200 while the engine is there', async (t) => {
  const { url } = await startTestServer(t)
  for (const path of ['/healthz', '/readyz']) {
    const answer = await fetch(url + path)
    t.is(answer.status, 200)
    t.is(answer.headers.get('cache-control'), 'no-store')
    await answer.body?.cancel()
  }
})

test('a memcached that comes back with smaller items is not ready, and no bad request', async (t) => {
  const port = await freePort()
  const before = await startMemcached(t, { port })
  const { url } = await startTestServer(t, { engine: memcached(before.address) })
  t.is((await fetch(`${url}/readyz`)).status, 200)
  await before.stop()
  await startMemcached(t, { port, maxItem: '64k', args: ['-o', 'slab_chunk_max=32768'] })
  const statusOf = async (path: string, init?: RequestInit) =>
    (await fetch(url + path, init)).status
  while ((await statusOf('/files/x')) !== 404) await new Promise((done) => setTimeout(done, 50))
  t.is(await statusOf('/readyz'), 503)
})
