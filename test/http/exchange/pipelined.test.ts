import type { Socket } from 'node:net'
import test from 'ava'
import { unfinishedOn } from '../../../src/http/answers.ts'
import { memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine, hold } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { connectRaw } from '../../helpers/raw-http.ts'
import { startTestServer } from '../../helpers/server.ts'
import { until } from '../../helpers/watchdog.ts'

/** Two files: one is held in memory while it is sent, the other is read twice. */
const FILES = { small: bytes('small', 900), large: bytes('large', 600_000) }
const store = { chunkSize: 100_000, memory: { total: 800_000, perRead: 200_000 } }

for (const name of Object.keys(FILES) as (keyof typeof FILES)[]) {
  for (const [way, header] of Object.entries({ plain: 'X: y', koa: 'If-None-Match: "other"' })) {
    test(`invariant 7: requests behind one whose client leaves give everything back: ${name}, ${way}`, async (t) => {
      const server = await startTestServer(t, { engine: memory(), store })
      const { url } = server
      await ask(`${url}/files/${name}`, { method: 'PUT', body: FILES[name] })
      for (let round = 0; round < 3; round++) {
        const client = await connectRaw(t, url)
        client.socket.pause()
        for (let i = 0; i < 20; i++)
          client.send(`GET /files/${name} HTTP/1.1`, 'Host: a', header, '', '')
        await new Promise((resolve) => setTimeout(resolve, 100))
        client.socket.resetAndDestroy()
      }
      t.deepEqual((await ask(`${url}/files/${name}`)).body, FILES[name])
      for (let tries = 0; server.store.memoryUsage.used > 0 && tries < 50; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      const { used, waiting } = server.store.memoryUsage
      t.deepEqual({ used, waiting }, { used: 0, waiting: 0 })
      const { text } = await ask(`${url}/metrics`)
      t.regex(text, /^blobcached_http_requests_under_way 1$/m, 'only the one that asks')
    })
  }
}

test('requests that are sent in one go are answered in order', async (t) => {
  const { url } = await startTestServer(t)
  for (const name of ['a', 'b'])
    await ask(`${url}/files/${name}`, { method: 'PUT', body: `<${name}>` })
  const client = await connectRaw(t, url)
  const paths = ['a', 'none', 'b', 'a?verify=stream', 'b']
  client.send(...paths.flatMap((path) => [`GET /files/${path} HTTP/1.1`, 'Host: a', '']), '')
  await client.until(/<a>.*"not-found".*<b>.*<a>.*<b>/s)
})

test('requests that are sent in one go find what those before them did', async (t) => {
  const { url } = await startTestServer(t, { store: { chunkSize: 100_000 } })
  const put = (name: string, body: string) => [
    `PUT /files/${name} HTTP/1.1`,
    'Host: a',
    `Content-Length: ${body.length}`,
    '',
    body,
  ]
  const client = await connectRaw(t, url)
  const send = (...requests: string[][]) =>
    client.send(requests.map((r) => r.join('\r\n')).join(''))
  const get = ['GET /files/a HTTP/1.1', 'Host: a', '', '']
  const remove = ['DELETE /files/a HTTP/1.1', 'Host: a', '', '']
  send(
    put('a', '<first>'),
    get,
    put('a', 'x'.repeat(1_000_000)),
    put('a', '<second>'),
    get,
    remove,
    get,
  )
  const statuses = [201, 200, 200, 200, 200, 204, 404].map((status) => `HTTP/1\\.1 ${status}.*`)
  await client.until(new RegExp(statuses.join(''), 's'))
  t.regex(client.received, /<first>.*<second>/s)
})

test('what is no request is told so after the requests before it have their answers', async (t) => {
  const { url } = await startTestServer(t)
  for (const [name, body] of Object.entries({ small: 'abc', large: 'x'.repeat(1_500_000) })) {
    const client = await connectRaw(t, url)
    const head = [
      `PUT /files/${name} HTTP/1.1`,
      'Host: a',
      `Content-Length: ${body.length}`,
      '',
      body,
    ]
    client.send(`${head.join('\r\n')}nonsense`, '', '')
    t.regex(await client.closed(), /^HTTP\/1\.1 201 .*HTTP\/1\.1 400 .*"bad-request"/s)
    t.is((await ask(`${url}/files/${name}`)).text, body)
  }
  const client = await connectRaw(t, url)
  client.send('PUT /files/a HTTP/1.1', 'Host: a', 'Content-Length: 3', '', '')
  client.send('abcGET /files/small HTTP/1.1', 'Host: a', '', '')
  client.send('PUT /files/b HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', '', 'nonsense', '')
  const received = await client.closed()
  t.regex(received, /^HTTP\/1\.1 201 .*HTTP\/1\.1 200 .*abc.*HTTP\/1\.1 400 /s)
  t.is((await ask(`${url}/files/b`)).status, 404)
})

test('a client that sends without end and reads nothing is not read from without end', async (t) => {
  const { url, http } = await startTestServer(t)
  let socket: Socket | undefined
  http.once('connection', (accepted) => {
    socket = accepted
  })
  const client = await connectRaw(t, url)
  client.socket.pause()
  const request = 'HEAD /files/none HTTP/1.1\r\nHost: a\r\n\r\n'
  const flood = request.repeat(1000)
  let most = 0
  for (let i = 0; i < 60; i++) {
    client.socket.write(flood)
    await new Promise((resolve) => setTimeout(resolve, 5))
    most = Math.max(most, unfinishedOn(socket!).length)
  }
  t.true(most > 0 && most < 5000, `${most} requests waited`)
  client.socket.resume()
  const answers = () => client.received.split('HTTP/1.1 404').length - 1
  await until('all answers', () => answers() === 60_000, 100)
})

test('a header that is not read for our own sake does not come too late', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url } = await startTestServer(t, { engine, headerTimeoutMs: 300 })
  await ask(`${url}/files/a`, { method: 'PUT', body: '<a>' })
  const { gate } = hold(engine, { operation: 'get' })
  const client = await connectRaw(t, url)
  const request = `GET /files/a HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(200)}\r\n\r\n`
  client.socket.write(request.repeat(2000))
  await new Promise((resolve) => setTimeout(resolve, 1500))
  gate.resolve()
  const answers = () => client.received.split('HTTP/1.1 200').length - 1
  await until('all answers', () => answers() === 2000, 100)
  t.notRegex(client.received, /HTTP\/1\.1 408/)
})
