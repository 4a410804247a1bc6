import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { memory, UnavailableError } from '../../src/index.ts'
import { FaultyEngine } from '../helpers/faulty-engine.ts'
import { ask } from '../helpers/http.ts'
import { KeptLog } from '../helpers/kept-log.ts'
import { connectRaw } from '../helpers/raw-http.ts'
import { startTestServer, type TestServerOptions } from '../helpers/server.ts'

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

test('a problem is logged with its reason, more loudly the worse it is', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url, log } = await start(t, { engine, isExpected: () => true })
  await ask(`${url}/files/none`)
  t.like(await log.line({ status: 404 }), { level: 'info', reason: 'not-found' })
  engine.get = () => Promise.reject(new UnavailableError('down'))
  await ask(`${url}/files/none`)
  t.like(await log.line({ status: 503 }), { level: 'warn', reason: 'unavailable' })
  engine.get = () => Promise.reject(new Error('unforeseen'))
  await ask(`${url}/files/none`)
  t.like(await log.line({ status: 500 }), { level: 'error', reason: 'internal' })
  await ask(`${url}/no/such/route`)
  t.like(await log.line({ path: '/no/such/route' }), { route: 'none', reason: 'no-such-route' })
})

test('a client that leaves before the answer is 499, one that leaves in the middle client-gone', async (t) => {
  const { url, store, log } = await start(t)
  const upload = await connectRaw(t, url)
  upload.send('PUT /files/new HTTP/1.1', 'Host: x', 'Content-Length: 100', '', 'part')
  await new Promise((resolve) => setTimeout(resolve, 50))
  upload.socket.destroy()
  t.like(await log.line({ method: 'PUT' }), { status: 499, end: 'client-gone', level: 'info' })

  await store.put(Buffer.alloc(30 * 1024 * 1024), { name: 'large' })
  const download = await connectRaw(t, url)
  download.send('GET /files/large HTTP/1.1', 'Host: x', '', '')
  await download.until(/^HTTP\/1.1 200/)
  download.socket.destroy()
  t.like(await log.line({ path: '/files/large' }), { status: 200, end: 'client-gone' })
})

test('an answer that lost bytes which it had promised is cut, and a warning', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url, store, log } = await start(t, { engine, store: { chunkSize: 1000 } })
  await store.put(Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251)), { name: 'cut' })
  const { manifest } = await store.get('cut')
  await engine.delete(`c:${manifest.chunk(90).digest.hex}`)
  await t.throwsAsync(ask(`${url}/files/cut?verify=stream`))
  t.like(await log.line(), { level: 'warn', status: 200, end: 'cut', reason: 'evicted' })
})

test('probes that went well are logged at debug, those that did not are not hidden', async (t) => {
  const { url, log, store } = await start(t)
  await ask(`${url}/healthz`)
  await ask(`${url}/readyz`)
  t.is((await log.line({ path: '/healthz' })).level, 'debug')
  t.is((await log.line({ path: '/readyz', status: 200 })).level, 'debug')
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

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

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

/** A process of its own, so that it leaves while the server is writing: it takes the first bytes of each answer. */
const LEAVING = `
const [port, count] = process.argv.slice(1).map(Number)
let left = 0
const ask = () => {
  const socket = require('node:net').connect(port, '127.0.0.1')
  socket.write('GET /files/large HTTP/1.1\\r\\nHost: x\\r\\nX-Request-Id: ' + left + '\\r\\n\\r\\n')
  socket.on('error', () => {}).once('data', () => socket.destroy())
  socket.on('close', () => ++left < count && ask())
}
ask()`

test('no answer is whole whose client has left while most of it was still to be sent', async (t) => {
  const { url, store, log } = await start(t)
  await store.put(Buffer.alloc(60_000_000, 'x'), { name: 'large' })
  await promisify(execFile)(process.execPath, ['-e', LEAVING, new URL(url).port, '30'])
  for (let id = 0; id < 30; id++) {
    t.like(await log.line({ id: `${id}` }), { status: 200, end: 'client-gone' })
  }
})
