import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import { Digest, memory, UnavailableError } from '../../src/index.ts'
import { askBothWays, WAYS, type Way, ways } from '../helpers/both-ways.ts'
import { bytes } from '../helpers/bytes.ts'
import { deferred } from '../helpers/deferred.ts'
import { FaultyEngine, hold } from '../helpers/faulty-engine.ts'
import { ask } from '../helpers/http.ts'
import { KeptLog, type Line, withoutTimes } from '../helpers/kept-log.ts'
import { expectSamples } from '../helpers/metrics.ts'
import { connectRaw, type RawHttp } from '../helpers/raw-http.ts'
import { nextClosed, startTestServer, type TestServerOptions } from '../helpers/server.ts'
import { watched } from '../helpers/watchdog.ts'

const store = { chunkSize: 1000, memory: { total: 8000, perRead: 2500 } }
const contents = {
  small: bytes('small', 900),
  several: bytes('several', 2400),
  large: bytes('large', 8500),
}
const keyOf = (name: string) => `n:${Digest.of(Buffer.from(name)).hex}`
const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

async function start(t: ExecutionContext, options: TestServerOptions = {}) {
  const engine = new FaultyEngine(memory())
  const log = new KeptLog()
  const server = await startTestServer(t, { engine, store, logger: log, ...options })
  for (const [name, bytes] of Object.entries(contents)) await server.store.put(bytes, { name })
  return { ...server, engine, log }
}

for (const [what, path, fields] of [
  ['a hit', '/files/small', { status: 200, route: '/files/*name', reason: undefined }],
  ['a hit of several chunks', '/files/several', { status: 200, route: '/files/*name' }],
  ['a hit that is read twice', '/files/large', { status: 200, route: '/files/*name' }],
  [
    'a hit by hash',
    `/blobs/${Digest.of(contents.small).hex}`,
    { status: 200, route: '/blobs/:hash' },
  ],
  ['a miss', '/files/no/ne', { status: 404, route: '/files/*name', reason: 'not-found' }],
  ['nonsense', '/files/%zz', { status: 400, route: '/files/*name', reason: 'bad-request' }],
  [
    'a miss by hash',
    `/blobs/${'0'.repeat(64)}`,
    { status: 404, route: '/blobs/:hash', reason: 'not-found' },
  ],
] as const) {
  test(`${what} is one line of the log, the same with and without Koa`, async (t) => {
    const { url, log } = await start(t)
    const answers = await askBothWays(url + path, { 'User-Agent': 'test' })
    const lines = await log.all(2)
    t.is(lines.length, 2)
    const [plain, koa] = lines as [Line, Line]
    t.like(plain, { ...fields, path, method: 'GET', end: 'whole', client: '127.0.0.1' })
    t.deepEqual(withoutTimes(plain), withoutTimes(koa))
    t.is((koa.bytesIn as number) - (plain.bytesIn as number), WAYS.koa.length)
    for (const way of ways)
      t.true(lines.some(({ id }) => id === answers[way].headers['x-request-id']))
  })
}

test('requests are counted once, with and without Koa, and none stays under way', async (t) => {
  const { url, engine } = await start(t)
  for (const way of ways) {
    await ask(`${url}/files/small${WAYS[way]}`)
    await ask(`${url}/files/large${WAYS[way]}`)
    await ask(`${url}/files/none${WAYS[way]}`)
    await ask(`${url}/files/%zz${WAYS[way]}`)
    await ask(`${url}/blobs/${Digest.of(contents.small).hex}${WAYS[way]}`)
    engine.get = () => Promise.reject(new UnavailableError('down'))
    await ask(`${url}/files/small${WAYS[way]}`)
    engine.get = (key, prove, options) => engine.inner.get(key, prove, options)
    await expectSamples(t, url, { blobcached_http_requests_under_way: 1 }) // The scrape.
  }
  const byName = 'route="/files/*name",method="GET"'
  const byHash = 'route="/blobs/:hash",method="GET"'
  await expectSamples(t, url, {
    [`blobcached_http_requests_total{${byName},status="200"}`]: 4,
    [`blobcached_http_requests_total{${byName},status="404"}`]: 2,
    [`blobcached_http_requests_total{${byName},status="400"}`]: 2,
    [`blobcached_http_requests_total{${byName},status="503"}`]: 2,
    [`blobcached_http_requests_total{${byHash},status="200"}`]: 2,
    [`blobcached_http_headers_seconds_count{${byName}}`]: 10,
    [`blobcached_http_request_seconds_count{${byName}}`]: 10,
    [`blobcached_http_request_seconds_count{${byHash}}`]: 2,
    'blobcached_reads_total{outcome="hit"}': 6,
    'blobcached_reads_total{outcome="not-found"}': 2,
    'blobcached_reads_total{outcome="unavailable"}': 2,
    'blobcached_http_incomplete_total{end="client-gone"}': 0,
  })
})

/** A client that leaves while the engine keeps the answer to such a key's `nth` get, and all later ones. */
async function leave(t: ExecutionContext, way: Way, name: string, keys: RegExp, nth = 1) {
  const { url, engine, http, log, ...server } = await start(t)
  const { gate, asked } = hold(engine, { operation: 'get', keys, nth })
  const closed = nextClosed(http)
  const client = await connectRaw(t, url)
  client.send(request(`/files/${name}${WAYS[way]}`))
  await asked.promise
  client.socket.destroy()
  await closed
  gate.resolve()
  const lines = await log.all(1)
  t.is(lines.length, 1)
  t.is(server.store.memoryUsage.used, 0)
  await expectSamples(t, url, {
    blobcached_http_requests_under_way: 1,
    'blobcached_http_incomplete_total{end="client-gone"}': 1,
    'blobcached_reads_total{outcome="hit"}': 0,
  })
  return lines[0]!
}

for (const way of ways) {
  for (const name of Object.keys(contents)) {
    for (const [what, keys] of [
      ['link', /^n:/],
      ['chunks', /^c:/],
    ] as const) {
      test(`a client that leaves before the ${what} of a ${name} file came is 499 (${way})`, async (t) => {
        const line = await leave(t, way, name, keys)
        const expected = { status: 499, end: 'client-gone', reason: undefined, level: 'info' }
        t.like(line, { ...expected, route: '/files/*name', path: `/files/${name}` })
        t.is(line.headersMs, undefined)
      })
    }
  }

  test(`a client that leaves before it is told that there is no file is 499 (${way})`, async (t) => {
    const line = await leave(t, way, 'none', /^n:/)
    t.like(line, { status: 499, end: 'client-gone', reason: 'not-found', level: 'info' })
  })

  test(`a client that leaves between the two passes of a large file is 499 (${way})`, async (t) => {
    const line = await leave(t, way, 'large', /^c:/, 10)
    t.like(line, { status: 499, end: 'client-gone', reason: undefined })
  })

  test(`nothing is read on for a client that left (${way})`, async (t) => {
    const { url, engine, http, log, store } = await start(t)
    await store.put(bytes('long', 50_000), { name: 'long' })
    const [gate, asked] = [deferred(), deferred()]
    let gets = 0
    engine.get = async (key, prove, options) => {
      if (key.startsWith('c:') && ++gets === 3) {
        asked.resolve()
        await gate.promise
      }
      return engine.inner.get(key, prove, options)
    }
    const closed = nextClosed(http)
    const client = await connectRaw(t, url)
    client.send(request(`/files/long${WAYS[way]}`))
    await asked.promise
    client.socket.destroy()
    await closed
    gate.resolve()
    t.like((await log.all(1))[0]!, { status: 499, end: 'client-gone' })
    t.true(gets < 10, `${gets} of 50 chunks`)
    t.is(store.memoryUsage.used, 0)
  })

  test(`a client that leaves in the middle of a body gives the memory back (${way})`, async (t) => {
    const MiB = 1024 * 1024
    const perRead = { held: 64 * MiB, 'read twice': 8 * MiB }
    for (const [how, bytes] of Object.entries(perRead)) {
      const memory = { total: 256 * MiB, perRead: bytes }
      const { url, log, store } = await start(t, { store: { memory } })
      await store.put(Buffer.alloc(30 * MiB), { name: 'long' })
      const client = await connectRaw(t, url)
      client.socket.pause()
      client.send(request(`/files/long${WAYS[way]}`))
      client.socket.once('readable', () => {})
      client.socket.resume()
      await client.until(/^HTTP\/1.1 200/)
      client.socket.destroy()
      const [line] = await log.all(1)
      t.like(line!, { status: 200, end: 'client-gone', reason: undefined, level: 'info' }, how)
      t.is(store.memoryUsage.used, 0, how)
    }
  })

  test(`a body that is cut off is told in the log, and the connection is destroyed (${way})`, async (t) => {
    const { url, engine, log, store } = await start(t)
    let looks = 0
    engine.get = async (key, prove, options) =>
      key.startsWith('c:') && ++looks > 15 ? undefined : engine.inner.get(key, prove, options)
    await t.throwsAsync(ask(`${url}/files/large${WAYS[way]}`))
    const lines = await log.all(1)
    t.is(lines.length, 1)
    t.like(lines[0]!, { status: 200, end: 'cut', reason: 'evicted', level: 'warn' })
    t.is(store.memoryUsage.used, 0)
    await expectSamples(t, url, {
      'blobcached_http_incomplete_total{end="cut"}': 1,
      blobcached_http_requests_under_way: 1,
    })
  })
}

test('requests that come all at once are answered in order, each by itself', async (t) => {
  const { url, engine, log, store } = await start(t)
  const gate = deferred()
  engine.get = async (key, prove, options) => {
    if (key === keyOf('large')) await gate.promise
    return engine.inner.get(key, prove, options)
  }
  const paths = ['large', 'small', 'none', 'several?', '%zz', 'small', 'large?']
  const client = await connectRaw(t, url)
  client.send(paths.map((path) => request(`/files/${path}`)).join(''))
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.is(client.received, '', 'nothing overtakes the first one')
  gate.resolve()
  const end = contents.large.subarray(-20).toString('latin1')
  const last = 'HTTP/1.1 400 .*HTTP/1.1 200 .*HTTP/1.1 200 .*'
  await client.until(new RegExp(`${last}${end.replace(/[^\w]/gs, '[^]')}$`, 's'))

  let rest = client.received
  for (const path of paths) {
    const [head] = /^.*?\r\n\r\n/s.exec(rest)!
    const length = Number(/\r\nContent-Length: (\d+)\r\n/i.exec(head)![1])
    const body = rest.slice(head.length, head.length + length)
    rest = rest.slice(head.length + length)
    const content = contents[path.replace('?', '') as keyof typeof contents]
    if (content !== undefined) t.true(body === content.toString('latin1'), path)
    const status = content !== undefined ? 200 : path === 'none' ? 404 : 400
    t.regex(head, new RegExp(`^HTTP/1.1 ${status} `), path)
  }
  t.is(rest, '')
  const lines = await log.all(paths.length)
  t.is(lines.length, paths.length)
  t.is(store.memoryUsage.used, 0)
  t.is(new Set(lines.map(({ id }) => id)).size, paths.length)
  t.deepEqual(new Set(lines.map(({ end }) => end)), new Set(['whole']))
})

async function received(client: RawHttp, length: number): Promise<void> {
  while (client.received.length < length) await once(client.socket, 'data')
}

test('what goes over one connection is told of each of its requests, with and without Koa', async (t) => {
  const { url, log } = await start(t)
  const client = await connectRaw(t, url)
  for (const path of ['small', 'small?', 'none', 'several', 'small']) {
    const before = client.received.length
    const lines = log.lines.length
    client.send(request(`/files/${path}`))
    const line = (await log.all(lines + 1)).at(-1)!
    t.is(line.bytesIn, request(`/files/${path}`).length)
    const bytesOut = line.bytesOut as number
    await watched(`${bytesOut} bytes`, received(client, before + bytesOut))
    t.is(client.received.length, before + bytesOut, path)
  }
})

test('the trace that a request belongs to is logged for a plain read as well', async (t) => {
  const { url, log } = await start(t)
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
  const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01`, 'X-Request-Id': 'mine' }
  for (const path of ['/files/small', '/files/none']) {
    t.is((await ask(url + path, { headers })).headers['x-request-id'], 'mine')
    t.like(await log.line({ path }), { traceId: trace, id: 'mine' })
  }
})
