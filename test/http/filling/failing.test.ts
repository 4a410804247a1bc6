import { once } from 'node:events'
import test from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { KeptLog } from '../../helpers/kept-log.ts'
import { expectSamples } from '../../helpers/metrics.ts'
import { type Handler, raw, startOrigin } from '../../helpers/origin.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { connectRaw } from '../../helpers/raw-http.ts'
import { until } from '../../helpers/watchdog.ts'
import { startFilled } from './setup.ts'

const LARGE = bytes('large', 300_000)
const wrong = `sha-256=:${Buffer.alloc(32).toString('base64')}:`

/** What an origin sends in place of a small file. Every other way to lie is tested in test/origin. */
const small: [string, Handler][] = [
  ['a wrong digest', (_, res) => res.writeHead(200, { 'Repr-Digest': wrong }).end('x')],
  ['a body that is cut', raw('HTTP/1.1 200 OK', 'Content-Length: 10', '', 'short')],
  ['no HTTP', raw('SSH-2.0-x', '', '')],
  ['an error', (_, res) => res.writeHead(500).end('an error')],
  ['a redirect elsewhere', (_, res) => res.writeHead(302, { Location: 'http://x.example/' }).end()],
  [
    'more bytes than a file may have',
    (_, res) => res.writeHead(200, { 'Content-Length': 2_000_000 }).end('x'),
  ],
]
for (const [what, handler] of small) {
  test(`an origin that sends ${what} is 502 origin-failed, and nothing is stored`, async (t) => {
    const { double, server, get } = await startFilled(t, {}, { store: { maxFileSize: 1_000_000 } })
    double.on('f', handler)
    for (const method of ['GET', 'HEAD']) {
      assertProblem(t, await get('/files/f', { method }), 502, 'origin-failed')
    }
    await t.throwsAsync(server.store.find({ name: 'f' }), { code: 'not-found' })
    await until('the memory to be given back', () => server.store.memoryUsage.used === 0)
  })
}

test('an origin that is too slow is 504 origin-timeout', async (t) => {
  const { double, get } = await startFilled(t, { timeoutMs: 300 })
  double.on('f', () => {})
  double.on('g', (_, res) => void res.writeHead(200, { 'Content-Length': 9 }).write('half'))
  assertProblem(t, await get('/files/f'), 504, 'origin-timeout')
  assertProblem(t, await get('/files/g'), 504, 'origin-timeout')
})

test('an origin that is not there is 502, and its address is not told', async (t) => {
  const { double, get } = await startFilled(t)
  await double.close()
  const answer = await get('/files/f')
  assertProblem(t, answer, 502, 'origin-failed')
  t.notRegex(answer.text, /127\.0\.0\.1/)
})

const large: [string, Handler][] = [
  [
    'cut',
    (_, res) => {
      res.writeHead(200, { 'Content-Length': LARGE.length })
      res.write(LARGE.subarray(0, 200_000), () => res.destroy())
    },
  ],
  ['wrong by its digest', (_, res) => res.writeHead(200, { 'Repr-Digest': wrong }).end(LARGE)],
]
for (const [what, handler] of large) {
  test(`what was begun to be sent and turns out to be ${what} cuts the connection, and is not stored`, async (t) => {
    const { double, server, get } = await startFilled(t)
    double.on('f', handler)
    await t.throwsAsync(get('/files/f'))
    assertProblem(t, await get('/files/f?verify=full'), 502, 'origin-failed')
    await t.throwsAsync(server.store.find({ name: 'f' }), { code: 'not-found' })
    await until('the memory to be given back', () => server.store.memoryUsage.used === 0)
  })
}

test('a client of HTTP/1.0 is told by a reset that an answer without a length is cut', async (t) => {
  const { double, server } = await startFilled(t)
  double.on('f', (_, res) => void res.write(LARGE, () => res.destroy()))
  const client = await connectRaw(t, server.url)
  const failure = once(client.socket, 'error')
  client.send('GET /files/f HTTP/1.0', '', '')
  t.is((await failure)[0].code, 'ECONNRESET')
})

test('a failure is remembered for a moment, and then the origin is asked again', async (t) => {
  const { double, get } = await startFilled(t)
  double.on('f', (_, res) => void res.writeHead(503, { 'Retry-After': '7' }).end())
  const failed = await get('/files/f')
  assertProblem(t, failed, 502, 'origin-failed')
  t.is(failed.headers['retry-after'], '7')
  await get('/files/f')
  t.is(double.count('f'), 1)
  double.file('f', 'x')
  let status = 0
  await until('the origin to be asked again', async () => {
    status = (await get('/files/f')).status
    return status === 200
  })
})

test('a client that leaves ends the fetch that no other waits for', async (t) => {
  const { double, server } = await startFilled(t)
  let isGone = false
  double.on('f', (_, res) => {
    res.once('close', () => {
      isGone = true
    })
    res.writeHead(200, { 'Content-Length': LARGE.length }).write(LARGE.subarray(0, 250_000))
  })
  const leaving = new AbortController()
  const answer = await fetch(`${server.url}/files/f`, { signal: leaving.signal })
  t.is(answer.status, 200)
  leaving.abort()
  await until('the fetch to end', () => isGone)
  await until('the memory to be given back', () => server.store.memoryUsage.used === 0)
})

test('a request that is wrong ends the fetch that it began', async (t) => {
  const { double, server, get } = await startFilled(t)
  let isGone = false
  double.on('f', (_, res) => {
    res.once('close', () => {
      isGone = true
    })
    res.writeHead(200, { 'Content-Length': LARGE.length }).write(LARGE.subarray(0, 100_000))
  })
  t.is((await get('/files/f?download=a&download=b')).status, 400)
  await until('the fetch to end', () => isGone)
  await until('the memory to be given back', () => server.store.memoryUsage.used === 0)
})

test('metrics and the log tell of fetches, and of what became of reads', async (t) => {
  const logger = new KeptLog()
  const { double, server, get } = await startFilled(t, { negativeTtl: 60 }, { logger })
  double.file('f', 'x')
  await get('/files/f')
  await get('/files/f')
  await get('/files/none')
  double.on('g', (_, res) => void res.writeHead(500).end())
  await get('/files/g')
  await expectSamples(t, server.url, {
    'blobcached_reads_total{outcome="filled"}': 1,
    'blobcached_reads_total{outcome="hit"}': 1,
    'blobcached_reads_total{outcome="not-found"}': 1,
    'blobcached_reads_total{outcome="origin-failed"}': 1,
    'blobcached_origin_fetches_total{outcome="content"}': 1,
    'blobcached_origin_fetches_total{outcome="absent"}': 1,
    'blobcached_origin_fetches_total{outcome="failed"}': 1,
    blobcached_origin_received_bytes_total: 1,
    blobcached_origin_fetches_under_way: 0,
  })
  t.like(await logger.line({ outcome: 'failed' }), { level: 'warn', path: '/base/g' })
  t.like(await logger.line({ cache: 'filled' }), { path: '/files/f', status: 200 })
  t.like(await logger.line({ reason: 'origin-failed' }), { level: 'warn', status: 502 })
})

test('an option of the origin that cannot work is refused at once', async (t) => {
  const double = await startOrigin(t)
  const refused: [object, RegExp][] = [
    [{ url: 'ftp://x/' }, /http or https/],
    [{ url: 'https://x/?a=b' }, /without a query/],
    [{ url: double.url, blobs: 'https://x/' }, /\{hash\}/],
    [{ url: double.url, timeout: 1 }, /did you mean timeoutMs/],
    [{ url: 'https://a:%zz@x/' }, /credentials/],
    [{ url: double.url, maxFetches: 0 }, /at least 1/],
    [{ url: double.url, totalTimeoutMs: 2 ** 31 }, /at most 2147483647/],
    [{ url: double.url, authorization: 'a\nb' }, /ASCII/],
  ]
  for (const [origin, message] of refused) {
    await t.throwsAsync(startFilled(t, origin), { code: 'bad-request', message })
  }
})
