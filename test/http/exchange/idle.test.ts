import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { connectRaw, parseAnswer } from '../../helpers/raw-http.ts'
import { rawPut } from '../../helpers/raw-upload.ts'
import { memoryIsFree, startTestServer } from '../../helpers/server.ts'
import { until } from '../../helpers/watchdog.ts'

/** Long enough for a slow machine to be seen to make progress. */
const IDLE_MS = 600

for (const [what, framing, length] of [
  ['before its first byte', {}, 0],
  ['in its first chunk', {}, 500],
  ['after some chunks', {}, 2100],
  ['before its first byte, chunked', { chunked: 600 }, 0],
  ['after some chunks, chunked', { chunked: 600 }, 2000],
] as const) {
  test(`an upload that stops ${what} is 408, frees its memory and leaves room for others`, async (t) => {
    const options = { idleTimeoutMs: IDLE_MS, maxUploads: 1, store: { chunkSize: 1000 } }
    const { url, store } = await startTestServer(t, options)
    const client = await connectRaw(t, url)
    const sent = rawPut({ path: '/files/f', body: bytes('idle', 2400), ...framing })
    client.socket.write(sent.subarray(0, sent.indexOf('\r\n\r\n') + 4 + length))
    const { status, head, body } = parseAnswer(await client.closed())
    t.is(status, 408)
    t.like(JSON.parse(body), { reason: 'request-timeout' })
    t.regex(head, /^Connection: close\r$/m)
    t.is(store.memoryUsage.used, 0)
    t.is((await ask(`${url}/files/f`)).status, 404)
    t.is((await ask(`${url}/files/f`, { method: 'PUT', body: 'content' })).status, 201)
  })
}

for (const [what, fields, start] of [
  ['plain', [], '{"hashes":['],
  ['compressed', ['Content-Encoding: gzip'], gzipSync('{"hashes":[]}').subarray(0, 12)],
] as const) {
  test(`a list of hashes that stops, ${what}, is 408 and frees its memory`, async (t) => {
    const server = await startTestServer(t, { idleTimeoutMs: IDLE_MS, maxUploads: 1 })
    for (const path of ['/blobs/missing', '/blobs/batch', '/v8/artifacts']) {
      const client = await connectRaw(t, server.url)
      client.send(`POST ${path} HTTP/1.1`, 'Host: a', 'Content-Length: 1000', ...fields, '', '')
      client.socket.write(start)
      t.is(parseAnswer(await client.closed()).status, 408, path)
      t.is(server.store.memoryUsage.used, 0)

      const other = await connectRaw(t, server.url)
      other.send(`POST ${path} HTTP/1.1`, 'Host: a', 'Content-Length: 1000', ...fields, '', '')
      other.socket.write(start)
      await until('it is read', () => server.store.memoryUsage.used > 0)
      other.socket.resetAndDestroy()
      await memoryIsFree(server)
    }
    const body = '{"hashes":[]}'
    t.is((await ask(`${server.url}/blobs/missing`, { method: 'POST', body })).status, 200)
  })
}

test('a client that takes nothing of a download is cut off, and frees its memory', async (t) => {
  const { url, store } = await startTestServer(t, { idleTimeoutMs: IDLE_MS })
  await store.put(Buffer.alloc(48 * 1024 * 1024), { name: 'large' })
  const client = await connectRaw(t, url)
  client.socket.pause()
  client.send('GET /files/large HTTP/1.1', 'Host: x', '', '')
  await until('the memory to be used', () => store.memoryUsage.used > 0)
  await until('the memory to be freed', () => store.memoryUsage.used === 0)
  client.socket.resume()
  await client.closed()
  t.true(client.received.length < 48 * 1024 * 1024)
})

test('a server that takes its time is not an idle client', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url } = await startTestServer(t, { engine, idleTimeoutMs: 200 })
  engine.get = async (key, prove, options) => {
    await sleep(900)
    return engine.inner.get(key, prove, options)
  }
  engine.set = async (key, value, options) => {
    await sleep(900)
    return engine.inner.set(key, value, options)
  }
  t.is((await ask(`${url}/files/f`, { method: 'PUT', body: 'content' })).status, 201)
  t.is((await ask(`${url}/files/f`)).text, 'content')
})

test('a slow client is not an idle one', async (t) => {
  const { url } = await startTestServer(t, { idleTimeoutMs: IDLE_MS })
  const client = await connectRaw(t, url)
  client.send('PUT /files/f HTTP/1.1', 'Host: x', 'Content-Length: 12', '', '')
  for (const letter of 'twelve bytes') {
    await sleep(IDLE_MS / 4)
    client.send(letter)
  }
  await client.until(/^HTTP\/1\.1 201 /)
})

test('a client that waits for its 100 is not idle', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url } = await startTestServer(t, { engine, idleTimeoutMs: 200 })
  engine.maxValueSize = async (length) => {
    await sleep(900)
    return engine.inner.maxValueSize(length)
  }
  const client = await connectRaw(t, url)
  client.send(
    'PUT /files/f HTTP/1.1',
    'Host: x',
    'Expect: 100-continue',
    'Content-Length: 2',
    '',
    '',
  )
  await client.until(/^HTTP\/1\.1 100 /)
  client.send('ok')
  await client.until(/HTTP\/1\.1 201 /)
})

test('half-open and slow-loris clients by the hundred do not keep others out', async (t) => {
  const { url } = await startTestServer(t, { headerTimeoutMs: 1500 })
  const silent = await Promise.all(Array.from({ length: 150 }, () => connectRaw(t, url)))
  const loris = await Promise.all(Array.from({ length: 150 }, () => connectRaw(t, url)))
  for (const client of loris) client.send('GET /files/f HTTP/1.1', 'Host: x', 'X-Slow: ')
  const drip = setInterval(() => {
    for (const client of loris) if (!client.isClosed) client.send('z')
  }, 200)
  t.teardown(() => clearInterval(drip))

  t.is((await ask(`${url}/healthz`)).status, 200)
  for (const client of [...silent, ...loris]) {
    t.regex(await client.closed(), /^HTTP\/1\.1 408 .*"reason":"request-timeout"/s)
  }
})
