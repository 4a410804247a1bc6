import type { ServerResponse } from 'node:http'
import test from 'ava'
import { memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine, hold } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { KeptLog } from '../../helpers/kept-log.ts'
import { expectSamples } from '../../helpers/metrics.ts'
import { connectRaw, parseAnswer, type RawHttp } from '../../helpers/raw-http.ts'
import { rawPut } from '../../helpers/raw-upload.ts'
import { memoryIsFree, startTestServer } from '../../helpers/server.ts'
import { until } from '../../helpers/watchdog.ts'

/** Two files: one is held in memory while it is sent, the other is read twice. */
const FILES = { small: bytes('small', 900), large: bytes('large', 600_000) }
const store = { chunkSize: 100_000, memory: { total: 800_000, perRead: 200_000 } }

for (const name of Object.keys(FILES) as (keyof typeof FILES)[]) {
  test(`invariant 7: requests behind one whose client leaves give everything back: ${name}`, async (t) => {
    const server = await startTestServer(t, { store })
    const { url } = server
    await ask(`${url}/files/${name}`, { method: 'PUT', body: FILES[name] })
    for (let round = 0; round < 3; round++) {
      const client = await connectRaw(t, url)
      client.socket.pause()
      for (let i = 0; i < 20; i++) client.send(`GET /files/${name} HTTP/1.1`, 'Host: a', '', '')
      await new Promise((resolve) => setTimeout(resolve, 100))
      client.socket.resetAndDestroy()
    }
    t.deepEqual((await ask(`${url}/files/${name}`)).body, FILES[name])
    await memoryIsFree(server)
    t.is(server.store.memoryUsage.waiting, 0)
    await expectSamples(t, url, { blobcached_http_requests_under_way: 1 }) // Only the one that asks.
  })
}

/** The answers that came over a connection, one by one. */
function answersIn(received: string): { status: number; body: string }[] {
  const answers = []
  for (let rest = received; rest !== ''; ) {
    const [head] = /^.*?\r\n\r\n/s.exec(rest)!
    const length = Number(/\r\nContent-Length: (\d+)\r\n/i.exec(head)![1])
    answers.push({
      status: parseAnswer(head).status,
      body: rest.slice(head.length).slice(0, length),
    })
    rest = rest.slice(head.length + length)
  }
  return answers
}

const get = (path: string) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)

test('requests that are sent in one go are answered in order, each by itself', async (t) => {
  const engine = new FaultyEngine(memory())
  const logger = new KeptLog()
  const small = { chunkSize: 1000, memory: { total: 8000, perRead: 2500 } }
  const server = await startTestServer(t, { engine, logger, store: small })
  const contents = { a: bytes('a', 300), b: bytes('b', 2400), c: bytes('c', 8500) }
  const whole = (name: keyof typeof contents) => ({
    status: 200,
    body: contents[name].toString('latin1'),
  })
  const created = (name: string) => ({ status: 201, body: new RegExp(`"name":"${name}"`) })
  const { a, b, c } = contents
  const requests: [Buffer, { status: number; body?: string | RegExp }][] = [
    [rawPut({ path: '/files/a', body: a }), created('a')],
    [get('/files/none'), { status: 404 }],
    [rawPut({ path: '/files/c', body: c }), created('c')],
    [rawPut({ path: '/files/%00', body: a }), { status: 400 }],
    [get('/files/c'), whole('c')],
    [rawPut({ path: '/files/b', body: b, chunked: 500 }), created('b')],
    [get('/files/a'), whole('a')],
    [get('/files/%zz'), { status: 400 }],
    [get('/files/b?verify=stream'), whole('b')],
    [get('/healthz'), { status: 200 }],
    [get('/files/c'), whole('c')],
  ]
  const { gate, asked } = hold(engine, { operation: 'set', keys: /^c:/ })
  const client = await connectRaw(t, server.url)
  client.socket.write(Buffer.concat(requests.map(([request]) => request)))
  await asked.promise
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.is(client.received, '', 'nothing overtakes the first one')
  gate.resolve()
  const lines = await logger.all(requests.length)
  t.is(lines.length, requests.length)
  t.is(new Set(lines.map(({ id }) => id)).size, requests.length)
  t.deepEqual(new Set(lines.map(({ end }) => end)), new Set(['whole']))
  const sent = lines.reduce((sum, { bytesOut }) => sum + (bytesOut as number), 0)
  await until('all answers', () => client.received.length >= sent)

  const answers = answersIn(client.received)
  t.is(answers.length, requests.length)
  for (const [index, [, { status, body }]] of requests.entries()) {
    t.is(answers[index]!.status, status, `${index}`)
    if (typeof body === 'string') t.true(answers[index]!.body === body, `${index}`)
    if (body instanceof RegExp) t.regex(answers[index]!.body, body)
  }
  await memoryIsFree(server)
})

test('one connection carries uploads one after the other', async (t) => {
  const small = { chunkSize: 1000, memory: { total: 8000, perRead: 2500 } }
  const { url, store } = await startTestServer(t, { store: small })
  const client = await connectRaw(t, url)
  for (let round = 0; round < 10; round++) {
    for (const [name, size, framing] of [
      ['a', 300, {}],
      ['b', 2400, { chunked: 500 }],
      ['a', 1, {}],
      ['c', 8500, {}],
    ] as const) {
      client.received = ''
      client.socket.write(rawPut({ path: `/files/${name}`, body: bytes(size, size), ...framing }))
      await client.until(/^HTTP\/1\.1 20[01] .*\r\n\r\n{[^}]*}$/s)
      t.true(client.received.includes(`"name":"${name}"`))
    }
  }
  t.false(client.isClosed)
  t.is(store.memoryUsage.used, 0)
  t.deepEqual((await ask(`${url}/files/c`)).body, bytes(8500, 8500))
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

// Serial: it has enough to do by itself.
test.serial(
  'a client that sends without end and reads nothing is not read from without end',
  async (t) => {
    const { url, http } = await startTestServer(t)
    let underWay = 0
    http.on('request', (_req, res: ServerResponse) => {
      underWay++
      res.once('close', () => underWay--)
    })
    const client = await connectRaw(t, url)
    client.socket.pause()
    await ask(`${url}/files/a`, { method: 'PUT', body: 'x'.repeat(5000) })
    const flood = 'GET /files/a HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(250)
    let most = 0
    for (let i = 0; i < 30; i++) {
      client.socket.write(flood)
      await new Promise((resolve) => setTimeout(resolve, 5))
      most = Math.max(most, underWay)
    }
    t.true(most > 0 && most < 5000, `${most} requests waited`)
    client.socket.resume()
    client.send('GET /files/a HTTP/1.1', 'Host: a', 'Connection: close', '', '')
    t.is((await client.closed()).split('HTTP/1.1 200').length - 1, 7501)
  },
)

// Serial: it has enough to do by itself.
test.serial(
  'clients that send most requests ahead lose their connections when all together are too many',
  async (t) => {
    const engine = new FaultyEngine(memory())
    const server = await startTestServer(t, { engine })
    let underWay = 0
    let most = 0
    server.http.on('request', (_req, res: ServerResponse) => {
      most = Math.max(most, ++underWay)
      res.once('close', () => underWay--)
    })
    await ask(`${server.url}/files/a`, { method: 'PUT', body: '<a>' })
    const { gate, asked } = hold(engine, { operation: 'get' })
    const patient = await connectRaw(t, server.url)
    patient.socket.write(Buffer.concat([get('/files/a'), get('/healthz'), get('/healthz')]))
    await asked.promise
    const request = `GET /files/a HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(2000)}\r\n\r\n`
    const greedy: RawHttp[] = []
    for (let i = 0; i < 200 && !greedy.some(({ isClosed }) => isClosed); i++) {
      const client = await connectRaw(t, server.url)
      client.socket.write(request.repeat(200))
      greedy.push(client)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    t.true(greedy.some(({ isClosed }) => isClosed))
    t.true(most > 1000 && most < 10_000, `${most} requests at once`)
    t.is((await ask(`${server.url}/healthz`)).status, 200)
    for (const { socket } of greedy) socket.destroy()
    gate.resolve()
    await patient.until(/<a>(.*HTTP\/1\.1 200 ){2}/s)
    await memoryIsFree(server)
    await until('all to be over', () => underWay === 0)
  },
)

test('a header that is not read for our own sake does not come too late', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url } = await startTestServer(t, { engine, headerTimeoutMs: 300 })
  await ask(`${url}/files/a`, { method: 'PUT', body: '<a>' })
  const { gate } = hold(engine, { operation: 'get' })
  const client = await connectRaw(t, url)
  const request = `GET /files/a HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(200)}\r\n\r\n`
  client.socket.write(request.repeat(1000))
  client.send('GET /files/a HTTP/1.1', 'Host: a', 'Connection: close', '', '')
  await new Promise((resolve) => setTimeout(resolve, 1500))
  gate.resolve()
  const received = await client.closed()
  t.notRegex(received, /HTTP\/1\.1 408/)
  t.is(received.split('HTTP/1.1 200').length - 1, 1001)
})
