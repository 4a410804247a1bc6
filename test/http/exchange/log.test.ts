import { randomUUID } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import { Digest, memory, UnavailableError } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { type Ask, ask } from '../../helpers/http.ts'
import { KeptLog } from '../../helpers/kept-log.ts'
import { expectSamples } from '../../helpers/metrics.ts'
import { connectRaw } from '../../helpers/raw-http.ts'
import { rawPut } from '../../helpers/raw-upload.ts'
import { startTestServer, type TestServerOptions } from '../../helpers/server.ts'
import { until } from '../../helpers/watchdog.ts'

async function start(t: ExecutionContext, options: TestServerOptions = {}, logger = new KeptLog()) {
  const server = await startTestServer(t, { ...options, logger })
  return { ...server, log: logger }
}

test('each request is one line that says what happened, and nothing of the query', async (t) => {
  const { url, store, log } = await start(t)
  await store.put('x'.repeat(10_000), { name: 'a/b' })
  const answer = await ask(`${url}/files/a/b?token=hush&download`)
  const line = await log.line()
  t.like(line, {
    level: 'info',
    id: answer.headers['x-request-id'],
    method: 'GET',
    route: '/files/*name',
    path: '/files/a/b',
    status: 200,
    reason: undefined,
    end: 'whole',
    client: '127.0.0.1',
  })
  t.true((line.bytesOut as number) > 10_000 && (line.bytesOut as number) < 12_000)
  t.true((line.bytesIn as number) > 50 && (line.bytesIn as number) < 1000)
  t.true((line.ms as number) >= (line.headersMs as number) && (line.headersMs as number) >= 0)
  t.notRegex(JSON.stringify(log.lines), /hush/)
  t.is(log.lines.length, 1)
})

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

const small = bytes('small', 900)
const several = bytes('several', 2400)
const large = bytes('large', 8500)
/** Three chunks fit a read, and nine do not. */
const SMALL = { chunkSize: 1000, memory: { total: 8000, perRead: 2500 }, maxFileSize: 20_000 }
const byHash = (content: Buffer) => `/blobs/${Digest.of(content).hex}`
const put = (body: Buffer) => ({ method: 'PUT', body })

const byName = '/files/*name'
const byDigest = '/blobs/:hash'
const requests: [string, Ask, { status: number; route: string; reason?: string }][] = [
  ['/files/small', {}, { status: 200, route: byName }],
  ['/files/several', {}, { status: 200, route: byName }],
  ['/files/large', {}, { status: 200, route: byName }],
  [byHash(small), {}, { status: 200, route: byDigest }],
  ['/files/no/ne', {}, { status: 404, route: byName, reason: 'not-found' }],
  ['/files/%zz', {}, { status: 400, route: byName, reason: 'bad-request' }],
  [`/blobs/${'0'.repeat(64)}`, {}, { status: 404, route: byDigest, reason: 'not-found' }],
  ['/files/new', put(small), { status: 201, route: byName }],
  ['/files/a/b', put(large), { status: 201, route: byName }],
  [byHash(several), put(several), { status: 200, route: byDigest }],
  ['/files/%00', put(small), { status: 400, route: byName, reason: 'bad-request' }],
  [byHash(large), put(small), { status: 400, route: byDigest, reason: 'digest-mismatch' }],
  ['/files/f', put(bytes(1, 20_001)), { status: 413, route: byName, reason: 'too-large' }],
]
for (const [path, request, { reason, ...fields }] of requests) {
  const { method = 'GET', body = '' } = request
  test(`${method} of ${body.length} bytes at ${path.slice(0, 20)} is one line`, async (t) => {
    const { url, store, log } = await start(t, { store: SMALL })
    for (const [name, content] of Object.entries({ small, several, large })) {
      await store.put(content, { name })
    }
    const trace = `00-${TRACE}-${PARENT}-01`
    const headers = { traceparent: trace, 'X-Request-Id': 'mine', 'User-Agent': 'test' }
    const answer = await ask(url + path, { ...request, headers })
    t.is(answer.headers['x-request-id'], 'mine')
    const [line, ...more] = await log.all(1)
    t.deepEqual(more, [])
    t.like(line!, { ...fields, path, method, id: 'mine', traceId: TRACE, end: 'whole' })
    t.like(line!, { client: '127.0.0.1', reason, level: 'info' })
    t.true((line!.ms as number) >= (line!.headersMs as number))
    t.true((line!.bytesIn as number) > body.length)
    t.true((line!.bytesOut as number) > answer.body.length)
  })
}

test('the bytes that went over one connection are told of each of its requests', async (t) => {
  const { url, log } = await start(t, { store: SMALL })
  const client = await connectRaw(t, url)
  const get = (path: string) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  for (const [sent, status] of [
    [rawPut({ path: '/files/a', body: small }), 201],
    [rawPut({ path: '/files/a?', body: small }), 200],
    [rawPut({ path: '/files/%00', body: small }), 400],
    [get('/files/a'), 200],
    [rawPut({ path: '/files/b', body: large, chunked: 700 }), 201],
    [rawPut({ path: byHash(small), body: large }), 400],
    [get('/files/b'), 200],
    [get('/files/none'), 404],
    [get('/files/a?'), 200],
  ] as const) {
    const before = client.received.length
    const lines = log.lines.length
    client.socket.write(sent)
    const line = (await log.all(lines + 1)).at(-1)!
    t.like(line, { status, bytesIn: sent.length, end: 'whole' })
    await until('the answer', () => client.received.length >= before + (line.bytesOut as number))
    t.is(client.received.length, before + (line.bytesOut as number))
    t.is(log.lines.length, lines + 1)
  }
})

test('a problem is logged with its reason, more loudly the worse it is', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url, log } = await start(t, { engine, isExpected: () => true })
  await ask(`${url}/files/none`)
  t.like(await log.line({ status: 404 }), {
    level: 'info',
    reason: 'not-found',
    detail: undefined,
  })
  const detail = 'memcached 10.0.0.1:11211 is silent'
  engine.get = () => Promise.reject(new UnavailableError(detail, { cause: new Error('silent') }))
  const refused = await ask(`${url}/files/none`)
  t.notRegex(refused.text, /10\.0\.0\.1/)
  t.like(await log.line({ status: 503 }), { level: 'warn', reason: 'unavailable', detail })
  engine.get = () => Promise.reject(new Error('unforeseen'))
  await ask(`${url}/files/none`)
  t.like(await log.line({ status: 500 }), {
    level: 'error',
    reason: 'internal',
    detail: undefined,
  })
  await ask(`${url}/no/such/route`)
  t.like(await log.line({ path: '/no/such/route' }), { route: 'none', reason: 'no-such-route' })
})

test('an answer that lost bytes which it had promised is cut, and a warning', async (t) => {
  // Less memory than the file takes, so that it is read twice; or once, by parts that are sent at once.
  for (const [path, from] of [
    ['/files/large', 16],
    ['/files/large?verify=stream', 5],
  ] as const) {
    const engine = new FaultyEngine(memory())
    const { url, store, log } = await start(t, { engine, store: SMALL })
    await store.put(large, { name: 'large' })
    let reads = 0
    engine.get = async (key, prove, options) =>
      key.startsWith('c:') && ++reads >= from ? undefined : engine.inner.get(key, prove, options)
    await t.throwsAsync(ask(url + path))
    const [line, ...more] = await log.all(1)
    t.like(line!, { level: 'warn', status: 200, end: 'cut', reason: 'evicted' }, path)
    t.deepEqual(more, [])
    t.is(store.memoryUsage.used, 0)
    await expectSamples(t, url, {
      'blobcached_http_incomplete_total{end="cut"}': 1,
      blobcached_http_requests_under_way: 1, // The scrape.
    })
  }
})

test('probes and polls that went well are logged at debug, those that did not are not hidden', async (t) => {
  const { url, log, store } = await start(t)
  for (const path of ['/healthz', '/readyz', '/metrics', '/fleet']) {
    await ask(url + path)
    t.is((await log.line({ path, status: 200 })).level, 'debug')
  }
  await store.engine.close()
  await ask(`${url}/readyz`)
  t.is((await log.line({ path: '/readyz', status: 503 })).level, 'warn')
})

test('what is not to be logged costs no line', async (t) => {
  const { url, log } = await start(t, {}, new KeptLog(['debug', 'info']))
  await ask(`${url}/files/none`)
  await ask(`${url}/healthz`)
  t.deepEqual(log.lines, [])
})

test('a sane X-Request-Id is kept and sent back, any other is replaced', async (t) => {
  const { url, log } = await start(t)
  const id = `abc/${randomUUID()}:1`
  const idFor = async (given: string) =>
    (await ask(`${url}/healthz`, { headers: { 'X-Request-Id': given } })).headers['x-request-id']!
  t.is(await idFor(id), id)
  t.truthy(await log.line({ id }))
  for (const bad of ['', 'with space', '"quoted"', 'x'.repeat(129), '{"a":1}']) {
    t.regex(String(await idFor(bad)), /^[0-9a-f-]{36}$/, bad)
  }
})

for (const [traceparent, expected] of [
  [`00-${TRACE}-${PARENT}-01`, TRACE],
  [`cc-${TRACE}-${PARENT}-01-what-later-versions-add`, TRACE],
  [`00-${TRACE}-${PARENT}-01-more`, undefined],
  [`ff-${TRACE}-${PARENT}-01`, undefined],
  [`00-${'0'.repeat(32)}-${PARENT}-01`, undefined],
  [`00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
  [`00-${TRACE.toUpperCase()}-${PARENT}-01`, undefined],
  ['nonsense', undefined],
] as const) {
  test(`traceparent ${traceparent} is ${expected === undefined ? 'no trace' : 'a trace'}`, async (t) => {
    const { url, log } = await start(t)
    await ask(`${url}/healthz`, { headers: { traceparent } })
    t.is((await log.line()).traceId, expected)
  })
}
