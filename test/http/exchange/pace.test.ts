import test, { type ExecutionContext } from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { ask } from '../../helpers/http.ts'
import { connectRaw, parseAnswer } from '../../helpers/raw-http.ts'
import { memoryIsFree, startTestServer, type TestServer } from '../../helpers/server.ts'
import { until } from '../../helpers/watchdog.ts'

const store = { chunkSize: 1000, memory: { total: 16_000, perRead: 0 } }

/** Clients that send a little of an upload, and then a byte now and then. */
async function trickle(t: ExecutionContext, { url }: TestServer, count: number, first: number) {
  const clients = await Promise.all(Array.from({ length: count }, () => connectRaw(t, url)))
  for (const client of clients) {
    client.send('PUT /files/slow HTTP/1.1', 'Host: x', 'Content-Length: 100000000', '', '')
    client.send('x'.repeat(first))
  }
  const drip = setInterval(() => {
    for (const client of clients) if (!client.isClosed) client.send('x')
  }, 300)
  t.teardown(() => clearInterval(drip))
  return clients
}

test('uploads that have sent little keep no other upload waiting', async (t) => {
  const server = await startTestServer(t, { minRate: 0 })
  const trickling = await trickle(t, server, 200, 1)
  await until('all to hold a start', () => server.store.memoryUsage.used > 199 * 32 * 1024)
  const waited = new Set<number>()
  const look = setInterval(() => waited.add(server.store.memoryUsage.waiting), 1)
  for (const size of [1000, 2_000_000, 20_000_000]) {
    const body = bytes(size, size)
    t.is((await ask(`${server.url}/files/${size}`, { method: 'PUT', body })).status, 201)
  }
  clearInterval(look)
  t.deepEqual(waited, new Set([0]))
  t.true(trickling.every(({ received }) => received === ''))
})

test('uploads that trickle lose their place to those who wait', async (t) => {
  const server = await startTestServer(t, { store })
  const trickling = await trickle(t, server, 10, 600)
  await until('the memory to be in use', () => server.store.memoryUsage.waiting > 0)
  const honest = await ask(`${server.url}/files/honest`, { method: 'PUT', body: bytes(1, 9000) })
  t.is(honest.status, 201)
  const first = trickling.find(({ received }) => received !== '')!
  t.like(parseAnswer(first.received), { status: 408 })
  t.regex(first.received, /others wait/)
})

test('readers that take nothing lose their place to those who wait', async (t) => {
  const server = await startTestServer(t, {
    store: { chunkSize: 500_000, memory: { total: 4e6, perRead: 0 } },
  })
  const content = Buffer.alloc(30_000_000, 'content')
  await server.store.put(content, { name: 'large' })
  const stalled = await Promise.all(Array.from({ length: 4 }, () => connectRaw(t, server.url)))
  for (const client of stalled) {
    client.socket.pause()
    client.send('GET /files/large?verify=stream HTTP/1.1', 'Host: x', '', '')
  }
  await until('some to wait', () => server.store.memoryUsage.waiting > 0)
  t.true((await ask(`${server.url}/files/large`)).body.equals(content))
  for (const client of stalled) client.socket.destroy()
  await memoryIsFree(server)
})

test('where no request waits, a slow client is not hurried', async (t) => {
  const { url } = await startTestServer(t, { store })
  const client = await connectRaw(t, url)
  client.send('PUT /files/slow HTTP/1.1', 'Host: x', 'Content-Length: 16', '', '')
  for (let sent = 0; sent < 16; sent++) {
    await new Promise((resolve) => setTimeout(resolve, 500))
    client.send('x')
  }
  await client.until(/^HTTP\/1\.1 201 /)
})
