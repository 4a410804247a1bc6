import test from 'ava'
import { memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { turns } from '../../helpers/deferred.ts'
import { FaultyEngine, hold } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { connectRaw, exchange } from '../../helpers/raw-http.ts'
import { startTestServer } from '../../helpers/server.ts'
import { watched } from '../../helpers/watchdog.ts'

test('close finishes what is under way, on kept connections too, and takes nothing new', async (t) => {
  const server = await startTestServer(t, { drainMs: 600_000 })
  const upload = await connectRaw(t, server.url)
  upload.send('PUT /files/a HTTP/1.1', 'Host: a', 'Content-Length: 10', '', 'hello')
  const idle = await connectRaw(t, server.url)
  idle.send('GET /healthz HTTP/1.1', 'Host: a', '', '')
  await idle.until(/ok/)

  const closing = server.close()
  t.is(server.close(), closing)
  await idle.closed()
  await t.throwsAsync(ask(`${server.url}/healthz`), { code: 'ECONNREFUSED' })
  upload.send('world')
  await upload.until(/^HTTP\/1\.1 201 .*"size":10/s)
  await watched('the server to close', closing)
  await t.notThrowsAsync(upload.closed())
})

test('an answer under way when the server stops is the last one on its connection', async (t) => {
  const engine = new FaultyEngine(memory())
  const server = await startTestServer(t, { engine })
  await server.store.put('content', { name: 'f' })
  const request = ['GET /files/f HTTP/1.1', 'Host: x', '', '']
  const before = await connectRaw(t, server.url)
  before.send(...request)
  await before.until(/^HTTP\/1\.1 200 OK\r\n.*Connection: keep-alive\r\n.*content$/s)
  const { gate, asked } = hold(engine, { operation: 'get' })
  const client = await connectRaw(t, server.url)
  client.send(...request)
  await asked.promise
  const closing = server.close()
  gate.resolve()
  t.regex(await client.closed(), /^HTTP\/1\.1 200 OK\r\n.*Connection: close\r\n.*content$/s)
  await closing
})

test('readyz fails while the server stops, and goes on accepting for a while', async (t) => {
  const server = await startTestServer(t, { graceMs: 2000 })
  await connectRaw(t, server.url) // Without any connection it need not wait.
  t.is((await ask(`${server.url}/readyz`)).status, 200)
  const closing = server.close()
  const answer = await ask(`${server.url}/readyz`)
  t.is(answer.status, 503)
  t.is(answer.headers.connection, 'close')
  t.is((await ask(`${server.url}/files/none`)).status, 404)
  await closing
})

test('a large answer on its way to a slow client is sent whole', async (t) => {
  const server = await startTestServer(t, { drainMs: 600_000 })
  const content = bytes('slow client', 40_000_000)
  await ask(`${server.url}/files/a`, { method: 'PUT', body: content })
  const reader = await connectRaw(t, server.url)
  reader.send('GET /files/a HTTP/1.1', 'Host: a', '', '')
  await reader.until(/^HTTP\/1\.1 200 /)
  reader.socket.pause()
  const closing = server.close()
  await turns(20)
  reader.socket.resume()
  await watched('the server to close', closing)
  const answer = await reader.closed()
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
  t.true(Buffer.from(body, 'latin1').equals(content), `${body.length} bytes`)
})

test('what is not finished in time is cut off', async (t) => {
  const server = await startTestServer(t, { drainMs: 50 })
  const upload = exchange(
    t,
    server.url,
    'PUT /files/a HTTP/1.1',
    'Host: a',
    'Content-Length: 10',
    '',
    'hello',
  )
  await new Promise((resolve) => server.http.once('request', resolve))
  await watched('the server to close', server.close())
  t.false((await upload).includes(' 201 '))
})
