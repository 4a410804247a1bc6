import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { type FileStore, memory, UnavailableError } from '../../src/index.ts'
import { type RawUpload, rawPut, WAYS, type Way, ways } from '../helpers/both-ways.ts'
import { bytes } from '../helpers/bytes.ts'
import { FaultyEngine, type Hold, hold } from '../helpers/faulty-engine.ts'
import { ask } from '../helpers/http.ts'
import { KeptLog, type Line, withoutTimes } from '../helpers/kept-log.ts'
import { expectSamples } from '../helpers/metrics.ts'
import { connectRaw, type RawHttp } from '../helpers/raw-http.ts'
import { nextClosed, startTestServer, type TestServerOptions } from '../helpers/server.ts'
import { byHash } from './plain-uploads.ts'

const store = { chunkSize: 1000, memory: { total: 8000, perRead: 2500 }, maxFileSize: 20_000 }
const small = bytes('small', 900)
const large = bytes('large', 8500)
const put = (body: Buffer) => ({ method: 'PUT', body })

async function start(t: ExecutionContext, options: TestServerOptions = {}) {
  const engine = new FaultyEngine(memory())
  const log = new KeptLog()
  const server = await startTestServer(t, { engine, store, logger: log, maxUploads: 1, ...options })
  return { ...server, engine, log }
}

for (const [what, path, body, fields] of [
  ['a new file', '/files/f', small, { status: 201, route: '/files/*name' }],
  ['a file of several chunks', '/files/a/b', large, { status: 201, route: '/files/*name' }],
  ['a file by hash', byHash(small), small, { status: 201, route: '/blobs/:hash' }],
  ['a bad name', '/files/%00', small, { status: 400, reason: 'bad-request' }],
  ['a wrong hash', byHash(large), small, { status: 400, reason: 'digest-mismatch' }],
  ['a file too large', '/files/f', bytes(1, 20_001), { status: 413, reason: 'too-large' }],
] as const) {
  test(`an upload of ${what} is one line of the log, the same with and without Koa`, async (t) => {
    const lines: Line[] = []
    for (const way of ways) {
      const { url, log } = await start(t)
      const answer = await ask(url + path + WAYS[way], put(body))
      const [line, ...more] = await log.all(1)
      t.deepEqual(more, [])
      t.is(line!.id, answer.headers['x-request-id'])
      lines.push(line!)
    }
    const [plain, koa] = lines as [Line, Line]
    t.like(plain, { ...fields, path, method: 'PUT', end: 'whole', client: '127.0.0.1' })
    t.is(plain.reason, 'reason' in fields ? fields.reason : undefined)
    t.deepEqual(withoutTimes(plain), withoutTimes(koa))
    t.true((plain.bytesIn as number) > body.length)
  })
}

test('uploads are counted once, with and without Koa, and none stays under way', async (t) => {
  const { url, engine } = await start(t)
  for (const way of ways) {
    const send = (path: string, body = small) => ask(url + path + WAYS[way], put(body))
    await send('/files/f')
    await send('/files/f')
    await send(byHash(large), large)
    await send(byHash(large), small)
    await send('/files/%00')
    engine.set = () => Promise.reject(new UnavailableError('down'))
    await send('/files/f')
    engine.set = (key, value, options) => engine.inner.set(key, value, options)
    await ask(`${url}/files/f`, { method: 'DELETE' })
    await ask(url + byHash(large), { method: 'DELETE' })
    await expectSamples(t, url, {
      blobcached_http_requests_under_way: 1, // The scrape.
      blobcached_uploads_under_way: 0,
    })
  }
  const byName = 'route="/files/*name",method="PUT"'
  const byDigest = 'route="/blobs/:hash",method="PUT"'
  await expectSamples(t, url, {
    [`blobcached_http_requests_total{${byName},status="201"}`]: 2,
    [`blobcached_http_requests_total{${byName},status="200"}`]: 2,
    [`blobcached_http_requests_total{${byName},status="400"}`]: 2,
    [`blobcached_http_requests_total{${byName},status="503"}`]: 2,
    [`blobcached_http_requests_total{${byDigest},status="201"}`]: 2,
    [`blobcached_http_requests_total{${byDigest},status="400"}`]: 2,
    [`blobcached_http_headers_seconds_count{${byName}}`]: 8,
    [`blobcached_http_request_seconds_count{${byName}}`]: 8,
    'blobcached_uploads_total{outcome="stored"}': 6,
    'blobcached_uploads_total{outcome="digest-mismatch"}': 2,
    'blobcached_uploads_total{outcome="unavailable"}': 2,
    'blobcached_reads_total{outcome="hit"}': 0,
    'blobcached_http_incomplete_total{end="client-gone"}': 0,
  })
})

interface Leaving {
  /** What the engine holds back until the client is gone. Default: nothing. */
  held?: Hold
  /** Bytes of the body that are sent. Default: all. */
  sent?: number
  framing?: Partial<RawUpload>
  /** Whether what was whole before the client left may have been stored. */
  mayBeStored?: boolean
}

const leavings: Record<string, Leaving> = {
  'before the first byte': { sent: 0 },
  'in the first chunk': { sent: 500 },
  'after some chunks': { sent: 3100 },
  'after some chunks, chunked': { sent: 3100, framing: { chunked: 700 } },
  'before the last byte': { sent: 8499 },
  'while a chunk is stored': { held: { operation: 'set', keys: /^c:/ }, sent: 3100 },
  'while memory is waited for': { held: { operation: 'set', keys: /^c:/ } },
  'while the last chunks are stored': { held: { operation: 'set', keys: /^c:/, nth: 8 } },
  'while chunks are looked for': { held: { operation: 'touch', keys: /^c:/, nth: 3 } },
  'while the link by hash is made': {
    held: { operation: 'set', keys: /^h:/ },
    mayBeStored: true,
  },
  'while the link by name is made': {
    held: { operation: 'add', keys: /^n:/ },
    mayBeStored: true,
  },
}

/** The server has begun to take what was sent of the body. */
async function bodyIsThere(store: FileStore, sent: number): Promise<void> {
  if (sent === 0) return
  for (let tries = 0; store.memoryUsage.used === 0 && tries < 200; tries++) {
    await sleep(5)
  }
}

for (const way of ways) {
  for (const [when, { held, sent, framing, mayBeStored = false }] of Object.entries(leavings)) {
    test(`a client that leaves ${when} is 499 and leaves nothing behind (${way})`, async (t) => {
      const { url, engine, http, log, store: files } = await start(t)
      const holding = held && hold(engine, held)
      const closed = nextClosed(http)
      const client = await connectRaw(t, url)
      const whole = rawPut(way, { path: '/files/f', body: large, ...framing })
      const bodyAt = whole.indexOf('\r\n\r\n') + 4
      const underWay = new Promise((resolve) => http.once('request', resolve))
      client.socket.write(sent === undefined ? whole : whole.subarray(0, bodyAt + sent))
      await underWay
      await (holding?.asked.promise ?? bodyIsThere(files, sent ?? 0))
      client.socket.resetAndDestroy()
      await closed
      holding?.gate.resolve()
      const lines = await log.all(1)
      t.is(lines.length, 1)
      const expected = { status: 499, end: 'client-gone', level: 'info', method: 'PUT' }
      t.like(lines[0]!, { ...expected, route: '/files/*name', path: '/files/f' })
      t.is(lines[0]!.headersMs, undefined)
      t.is(files.memoryUsage.used, 0)
      t.is(files.memoryUsage.waiting, 0)
      await expectSamples(t, url, {
        blobcached_http_requests_under_way: 1,
        blobcached_uploads_under_way: 0,
        'blobcached_http_incomplete_total{end="client-gone"}': 1,
      })
      const { status, body } = await ask(`${url}/files/f`)
      if (status === 200) t.true(mayBeStored && body.equals(large))
      else t.is(status, 404)
      t.is((await ask(`${url}/files/next`, put(small))).status, 201, 'there is room for the next')
    })
  }
}

/** One answer, and none after it. */
async function nextAnswer(client: RawHttp): Promise<string> {
  await client.until(/^HTTP\/1\.1 \d+ .*\r\n\r\n.*}$/s)
  const answer = client.received
  client.received = ''
  return answer
}

test('what goes over one connection is told of each of its uploads, with and without Koa', async (t) => {
  const { url, log } = await start(t)
  const client = await connectRaw(t, url)
  const uploads: [Way, RawUpload, number][] = [
    ['plain', { path: '/files/a', body: small }, 201],
    ['koa', { path: '/files/a', body: small }, 200],
    ['plain', { path: '/files/%00', body: small }, 400],
    ['plain', { path: '/files/b', body: large, chunked: 700 }, 201],
    ['plain', { path: byHash(small), body: large }, 400],
    ['plain', { path: '/files/a', body: small }, 200],
  ]
  for (const [way, upload, status] of uploads) {
    const lines = log.lines.length
    const sent = rawPut(way, upload)
    client.socket.write(sent)
    const answer = await nextAnswer(client)
    const line = (await log.all(lines + 1)).at(-1)!
    t.like(line, { status, bytesIn: sent.length, bytesOut: answer.length, end: 'whole' })
    t.is(log.lines.length, lines + 1)
  }
})

test('uploads and reads that are sent in one go are answered in order, each by itself', async (t) => {
  const { url, engine, log, store: files } = await start(t, { maxUploads: 16 })
  const { gate, asked } = hold(engine, { operation: 'set', keys: /^c:/ })
  const client = await connectRaw(t, url)
  const get = (path: string) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  client.socket.write(
    Buffer.concat([
      rawPut('plain', { path: '/files/a', body: Buffer.from('first') }),
      get('/files/none'),
      rawPut('koa', { path: '/files/b', body: large }),
      rawPut('plain', { path: '/files/%00', body: small }),
      rawPut('plain', { path: '/files/c', body: small, chunked: 100 }),
      get('/healthz'),
    ]),
  )
  await asked.promise
  await sleep(50)
  t.is(client.received, '', 'nothing overtakes the first one')
  gate.resolve()
  await client.until(/(?:HTTP\/1\.1 .*){6}\r\n\r\n[^H]*$/s)
  const statuses = [...client.received.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status)
  t.deepEqual(statuses, ['201', '404', '201', '400', '201', '200'])
  const lines = await log.all(6)
  t.is(lines.length, 6)
  t.is(new Set(lines.map(({ id }) => id)).size, 6)
  t.deepEqual(new Set(lines.map(({ end }) => end)), new Set(['whole']))
  t.is(files.memoryUsage.used, 0)
  t.is((await ask(`${url}/files/a`)).text, 'first')
  t.true((await ask(`${url}/files/b`)).body.equals(large))
  t.true((await ask(`${url}/files/c`)).body.equals(small))
})

test('the trace that a request belongs to is logged for a plain upload as well', async (t) => {
  const { url, log } = await start(t)
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
  const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01`, 'X-Request-Id': 'mine' }
  for (const path of ['/files/f', '/files/%00']) {
    const answer = await ask(url + path, { ...put(small), headers })
    t.is(answer.headers['x-request-id'], 'mine')
    t.like(await log.line({ path }), { traceId: trace, id: 'mine' })
  }
})
