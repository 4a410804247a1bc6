import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import {
  Origin,
  OriginError,
  type OriginOptions,
  type OriginRequest,
} from '../../src/origin/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { type Handler, raw, startOrigin, type TestOrigin } from '../helpers/origin.ts'
import { until } from '../helpers/watchdog.ts'

const CONTENT = bytes('content', 200_000)
const sha = (algorithm: string) => createHash(algorithm).update(CONTENT).digest('base64')

interface Setup {
  double: TestOrigin
  origin: Origin
  fetch(name: string, request?: Partial<OriginRequest>): ReturnType<Origin['fetch']>
}

async function setup(t: ExecutionContext, options: Partial<OriginOptions> = {}): Promise<Setup> {
  const double = await startOrigin(t)
  const origin = new Origin({ url: double.url, timeoutMs: 20_000, ...options })
  t.teardown(() => origin.close())
  const fetch: Setup['fetch'] = (name, request = {}) =>
    origin.fetch({
      address: origin.addresses.ofName(name)!,
      maxSize: 1_000_000,
      signal: new AbortController().signal,
      ...request,
    })
  return { double, origin, fetch }
}

async function bodyOf(answer: Awaited<ReturnType<Origin['fetch']>>): Promise<Buffer> {
  if (!('body' in answer)) throw new Error(`no body, but ${answer.kind}`)
  const pieces: Buffer[] = []
  for await (const piece of answer.body) pieces.push(piece)
  return Buffer.concat(pieces)
}

test('a file comes with its type, size and validators, and nothing but our own fields is sent', async (t) => {
  const { double, origin, fetch } = await setup(t, { authorization: 'Bearer secret' })
  const headers = { 'Content-Type': 'a/b', ETag: '"1"', 'Cache-Control': 'max-age=9' }
  double.file('a%20b', CONTENT, headers)
  const answer = await fetch('a b')
  if (answer.kind !== 'content') return t.fail(answer.kind)
  t.like(answer, { type: 'a/b', encoding: undefined, size: 200_000 })
  t.deepEqual(answer.validators, { etag: '"1"', cacheControl: 'max-age=9' })
  t.like(answer.freshness, { isStorable: true, ttl: 9 })
  t.deepEqual(await bodyOf(answer), CONTENT)
  const { host, connection, ...sent } = double.received[0]!.headers
  t.deepEqual(sent, {
    accept: '*/*',
    'accept-encoding': 'identity',
    authorization: 'Bearer secret',
    'user-agent': 'blobcached',
    via: `1.1 ${origin.pseudonym}`,
  })
})

const right: [string, Record<string, string>][] = [
  ['no digest', {}],
  ['the right Repr-Digest', { 'Repr-Digest': `sha-256=:${sha('sha256')}:` }],
  ['the right Content-Digest', { 'Content-Digest': `sha-512=:${sha('sha512')}:` }],
  ['a digest that cannot be parsed', { 'Repr-Digest': '===' }],
  ['a digest of another kind', { 'Repr-Digest': 'md5=:AAAA:, adler=1' }],
]
for (const [what, headers] of right) {
  test(`a file with ${what} is taken`, async (t) => {
    const { double, fetch } = await setup(t)
    double.file('f', CONTENT, headers)
    t.deepEqual(await bodyOf(await fetch('f')), CONTENT)
    t.deepEqual(
      await bodyOf(await fetch('f', { hash: createHash('sha256').update(CONTENT).digest('hex') })),
      CONTENT,
    )
  })
}

const wrong = `:${Buffer.alloc(32).toString('base64')}:`
/** How an origin fails or lies, and the reason. */
const lies: [string, Handler, Partial<OriginRequest>?][] = [
  [
    'a wrong Repr-Digest',
    (_, res) => res.writeHead(200, { 'Repr-Digest': `sha-256=${wrong}` }).end('x'),
  ],
  [
    'a wrong Content-Digest',
    (_, res) => res.writeHead(200, { 'Content-Digest': `sha-512=${wrong}` }).end('x'),
  ],
  [
    'a Repr-Digest of too few bytes',
    (_, res) => res.writeHead(200, { 'Repr-Digest': 'sha-256=:AAAA:' }).end('x'),
  ],
  ['content with another hash', (_, res) => res.end('x'), { hash: '0'.repeat(64) }],
  ['a body that is cut', raw('HTTP/1.1 200 OK', 'Content-Length: 10', '', 'short')],
  [
    'a chunked body that is cut',
    raw('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '5', 'short', ''),
  ],
  ['a length that is none', raw('HTTP/1.1 200 OK', 'Content-Length: -1', '', 'x')],
  ['two lengths', raw('HTTP/1.1 200 OK', 'Content-Length: 1', 'Content-Length: 2', '', 'xy')],
  [
    'a length and chunks',
    raw(
      'HTTP/1.1 200 OK',
      'Content-Length: 1',
      'Transfer-Encoding: chunked',
      '',
      '1',
      'x',
      '0',
      '',
      '',
    ),
  ],
  [
    'too many bytes, as it says',
    (_, res) => res.writeHead(200, { 'Content-Length': 1_000_001 }).end('x'),
  ],
  ['too many bytes, as it turns out', (_, res) => void endless(res)],
  ['no HTTP', raw('SSH-2.0-x', '', '')],
  ['nothing', (req) => req.socket.destroy()],
  ['an endless header', (req) => req.socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`)],
  [
    'a Content-Encoding that is not known',
    (_, res) => res.writeHead(200, { 'Content-Encoding': 'compress' }).end('x'),
  ],
  [
    'a Transfer-Encoding that was not asked for',
    raw('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked', '', '1', 'x', '0', '', ''),
  ],
  [
    'a Transfer-Encoding without an end',
    raw('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip', '', 'x'),
  ],
  [
    'a hundred codings',
    (_, res) => res.writeHead(200, { 'Content-Encoding': `${'gzip,'.repeat(99)}br` }).end('x'),
  ],
  ['a 304 without a condition', (_, res) => res.writeHead(304).end()],
  [
    'a 304 for another version',
    (_, res) => res.writeHead(304, { ETag: '"2"' }).end(),
    { validators: { etag: '"1"' } },
  ],
  [
    'a 304 for a version whose tag is too long to be kept',
    (_, res) => res.writeHead(304, { ETag: `"${'x'.repeat(600)}"` }).end(),
    { validators: { etag: '"1"' } },
  ],
  [
    'a 304 for a version of another date',
    (_, res) => res.writeHead(304, { 'Last-Modified': 'Thu, 01 Jan 2026 00:00:01 GMT' }).end(),
    { validators: { lastModified: 'Thu, 01 Jan 2026 00:00:00 GMT' } },
  ],
  [
    'a 206 without a range',
    (_, res) => res.writeHead(206, { 'Content-Range': 'bytes 0-0/2' }).end('x'),
  ],
  [
    'a 206 for another range',
    (_, res) => res.writeHead(206, { 'Content-Range': 'bytes 0-0/2' }).end('x'),
    { range: 'bytes=1-1' },
  ],
  [
    'a 206 without a Content-Range',
    (_, res) => res.writeHead(206).end('x'),
    { range: 'bytes=1-1' },
  ],
  [
    'a 206 with too few bytes',
    (_, res) => res.writeHead(206, { 'Content-Range': 'bytes 1-2/9' }).end('x'),
    { range: 'bytes=1-2' },
  ],
  [
    'a 206 with too many bytes',
    (_, res) => res.writeHead(206, { 'Content-Range': 'bytes 1-2/9' }).end('xyz'),
    { range: 'bytes=1-2' },
  ],
  ['a 101', raw('HTTP/1.1 101 Switching', 'Connection: upgrade', 'Upgrade: x', '', 'x')],
  ['a 204', (_, res) => res.writeHead(204).end()],
  ['a 403', (_, res) => res.writeHead(403).end()],
  ['a 500', (_, res) => res.writeHead(500).end('an error')],
  ['a redirect to itself', (_, res) => res.writeHead(302, { Location: 'f' }).end()],
  [
    'a redirect to another host',
    (_, res) => res.writeHead(302, { Location: 'http://other.example/' }).end(),
  ],
  ['a redirect to nowhere', (_, res) => res.writeHead(302).end()],
  ['a 300', (_, res) => res.writeHead(300, { Location: 'g' }).end()],
]
for (const [what, handler, request] of lies) {
  test(`an origin that sends ${what} fails`, async (t) => {
    const { double, origin, fetch } = await setup(t)
    const outcomes: string[] = []
    origin.observe({ fetched: (outcome) => void outcomes.push(outcome) })
    double.on('f', handler)
    const error = await t.throwsAsync(fetch('f', request).then(bodyOf), { instanceOf: OriginError })
    t.is(error?.reason, 'origin-failed', error?.message)
    await until('the turn to be given back', () => origin.underWay === 0)
    t.deepEqual(outcomes, ['failed'])
  })
}

test('a Retry-After counts that is seconds or a date, and some days at most', async (t) => {
  const { double, fetch } = await setup(t)
  const date = new Date(Date.now() + 100_000).toUTCString()
  double.on('d', (_, res) => void res.writeHead(503, { 'Retry-After': date }).end())
  const dated = await t.throwsAsync(fetch('d'), { instanceOf: OriginError })
  t.true(dated!.retryAfter! > 50 && dated!.retryAfter! <= 100, String(dated?.retryAfter))
  for (const [field, seconds] of [
    ['7', 7],
    ['0', 0],
    ['-5', undefined],
    ['Infinity', undefined],
    ['0x10', undefined],
    ['99999999999', undefined],
    ['Thu, 01 Jan 2099 00:00:00 GMT', undefined],
    ['2026-01-01', undefined],
  ] as const) {
    double.on('f', (_, res) => void res.writeHead(503, { 'Retry-After': field }).end())
    const error = await t.throwsAsync(fetch('f'), { instanceOf: OriginError })
    t.is(error?.retryAfter, seconds, field)
  }
})

function endless(res: Parameters<Handler>[1]): void {
  const piece = Buffer.alloc(65_536)
  const more = () => {
    while (!res.destroyed && res.write(piece));
    res.once('drain', more)
  }
  more()
}

const slow: [string, Handler, Partial<OriginOptions>][] = [
  ['nothing', () => {}, {}],
  ['its header a byte at a time', (req) => drip(req.socket), {}],
  [
    'half of the body',
    (_, res) => void res.writeHead(200, { 'Content-Length': 9 }).write('half'),
    {},
  ],
  ['its body a byte at a time', (_, res) => drip(res), { timeoutMs: 20_000, totalTimeoutMs: 300 }],
]
for (const [what, handler, options] of slow) {
  test(`an origin that sends ${what} is too slow`, async (t) => {
    const { double, origin, fetch } = await setup(t, { timeoutMs: 300, ...options })
    double.on('f', handler)
    const error = await t.throwsAsync(fetch('f').then(bodyOf), { instanceOf: OriginError })
    t.is(error?.reason, 'origin-timeout', error?.message)
    await until('the turn to be given back', () => origin.underWay === 0)
  })
}

/** Begins an answer that has no end, a byte every 20 ms; as a body, its bytes mean nothing. */
function drip(to: {
  write(text: string): unknown
  once(event: 'close', then: () => void): unknown
}) {
  const begin = 'HTTP/1.1 200 OK\r\nA: '
  let sent = 0
  const timer = setInterval(() => to.write(begin[sent++] ?? 'a'), 20)
  to.once('close', () => clearInterval(timer))
}

test('an origin that is not there fails, and its address is not told', async (t) => {
  const { double, fetch } = await setup(t)
  await double.close()
  const error = await t.throwsAsync(fetch('f'), { instanceOf: OriginError })
  t.is(error?.message, 'the connection to the origin failed (ECONNREFUSED)')
})

test.serial('a reader that is slow makes no origin too slow', async (t) => {
  const { double, fetch } = await setup(t, { timeoutMs: 3000 })
  const content = bytes('large', 900_000)
  double.file('f', content)
  const answer = await fetch('f')
  if (answer.kind !== 'content') return t.fail(answer.kind)
  const pieces = answer.body[Symbol.asyncIterator]()
  const first = await pieces.next()
  await new Promise((resolve) => setTimeout(resolve, 3500))
  const rest: Buffer[] = []
  for await (const piece of { [Symbol.asyncIterator]: () => pieces }) rest.push(piece)
  t.deepEqual(Buffer.concat([first.value, ...rest]), content)
})

test('no reader of a wrong body gets all of it', async (t) => {
  const { double, fetch } = await setup(t)
  double.file('f', CONTENT, { 'Repr-Digest': `sha-256=${wrong}` })
  const answer = await fetch('f')
  let size = 0
  await t.throwsAsync(async () => {
    if ('body' in answer) for await (const piece of answer.body) size += piece.length
  })
  t.true(size < CONTENT.length)
})

test('what may be a part is not stored: a body that ends with its connection, unless a digest proves it', async (t) => {
  const { double, fetch } = await setup(t)
  double.on('f', raw('HTTP/1.1 200 OK', 'Connection: close', '', 'x'))
  const open = await fetch('f')
  t.is(open.kind === 'content' && open.freshness.isStorable, false)
  t.is(String(await bodyOf(open)), 'x')
  const digest = createHash('sha256').update('x').digest('base64')
  double.on('f', raw('HTTP/1.1 200 OK', `Repr-Digest: sha-256=:${digest}:`, '', 'x'))
  const proven = await fetch('f')
  t.is(proven.kind === 'content' && proven.freshness.isStorable, true)
  t.is(String(await bodyOf(proven)), 'x')
})

test('two Age fields make an answer stale, a 304 as well', async (t) => {
  const { double, fetch } = await setup(t)
  double.on(
    'f',
    raw(
      'HTTP/1.1 200 OK',
      'Cache-Control: max-age=9',
      'Age: 0',
      'Age: old',
      'Content-Length: 0',
      '',
      '',
    ),
  )
  const answer = await fetch('f')
  t.like(answer, { freshness: { isStorable: true, ttl: 0 } })
  await bodyOf(answer)
  double.on(
    'f',
    raw('HTTP/1.1 304 Not Modified', 'Cache-Control: max-age=9', 'Age: 0', 'Age: old', '', ''),
  )
  t.like(await fetch('f', { validators: { etag: '"1"' } }), { freshness: { ttl: 0 } })
})

test('a type that is too long to be kept is left out', async (t) => {
  const { double, fetch } = await setup(t)
  double.file('f', CONTENT, { 'Content-Type': `a/${'é'.repeat(200)}` })
  const answer = await fetch('f')
  t.like(answer, { kind: 'content', type: undefined })
  await bodyOf(answer)
})

test('a file that is coded although that was not asked for keeps its coding', async (t) => {
  const { double, fetch } = await setup(t)
  const coded = gzipSync(CONTENT)
  double.file('f', coded, { 'Content-Encoding': 'GZIP' })
  const answer = await fetch('f')
  t.like(answer, { encoding: 'gzip' })
  t.deepEqual(await bodyOf(answer), coded)
})

test('a 304 renews what it is about, by what it says, or else by what was said before', async (t) => {
  const { double, fetch } = await setup(t)
  const validators = {
    etag: '"1"',
    lastModified: 'Thu, 01 Jan 2026 00:00:00 GMT',
    cacheControl: 'max-age=7',
  }
  double.on('f', (_, res) => void res.writeHead(304).end())
  t.like(await fetch('f', { validators }), { kind: 'unchanged', freshness: { ttl: 7 }, validators })
  t.like(double.received[0]!.headers, {
    'if-none-match': '"1"',
    'if-modified-since': validators.lastModified,
  })
  double.on(
    'f',
    (_, res) => void res.writeHead(304, { ETag: 'W/"1"', 'Cache-Control': 'max-age=9' }).end(),
  )
  t.like(await fetch('f', { validators }), { kind: 'unchanged', freshness: { ttl: 9 } })
})

test('a 304 after a redirect is no fresher than the redirect', async (t) => {
  const { double, fetch } = await setup(t)
  const moved = { Location: 'g', 'Cache-Control': 'max-age=5' }
  double.on('f', (_, res) => void res.writeHead(302, moved).end())
  double.on('g', (_, res) => void res.writeHead(304, { 'Cache-Control': 'max-age=900' }).end())
  const answer = await fetch('f', { validators: { etag: '"1"' } })
  t.like(answer, { kind: 'unchanged', freshness: { ttl: 5 } })
})

test('a Cache-Control too long to be kept counts, and is not forgotten at the next 304', async (t) => {
  const { double, fetch } = await setup(t)
  const long = `max-age=3, x="${'x'.repeat(600)}"`
  const headers = { ETag: '"1"', 'Cache-Control': long }
  double.file('f', CONTENT, headers)
  const answer = await fetch('f')
  if (answer.kind !== 'content') return t.fail(answer.kind)
  t.is(answer.freshness.ttl, 3)
  t.deepEqual(answer.validators, {}, 'it is fetched again')
  await bodyOf(answer)
  const validators = { etag: '"1"', cacheControl: 'max-age=900' }
  const unchanged = await fetch('f', { validators })
  t.like(unchanged, { kind: 'unchanged', freshness: { ttl: 3 } })
  t.deepEqual('validators' in unchanged && unchanged.validators, {})
})

test('a 304 leaves what it does not say as it was', async (t) => {
  const { double, fetch } = await setup(t)
  const past = 'Thu, 01 Jan 2026 00:00:00 GMT'
  const later = new Date(Date.now() + 3_600_000).toUTCString()
  for (const [first, then, ttl] of [
    [{ Expires: past }, {}, 0],
    [{ Expires: '0' }, {}, 0],
    [{ Pragma: 'no-cache' }, {}, 0],
    [{ 'Cache-Control': 'no-cache' }, { Expires: later }, 0],
    [{ Expires: past }, { 'Cache-Control': 'max-age=9' }, 9],
    [{ Pragma: 'no-cache' }, { 'Cache-Control': 'max-age=9' }, 9],
  ] as const) {
    double.file('f', CONTENT, { ETag: '"1"', ...first })
    const answer = await fetch('f')
    if (answer.kind !== 'content') return t.fail(answer.kind)
    await bodyOf(answer)
    double.on('f', (_, res) => void res.writeHead(304, then).end())
    const unchanged = await fetch('f', { validators: answer.validators })
    t.like(unchanged, { freshness: { ttl } }, JSON.stringify([first, then]))
  }
})

for (const [what, handler] of [
  ['a 404 without an end', (_, res) => void endless(res.writeHead(404))],
  ['a 404 that stops', (_, res) => void res.writeHead(404, { 'Content-Length': 9 }).write('x')],
] satisfies [string, Handler][]) {
  test(`${what} keeps no turn`, async (t) => {
    const { double, origin, fetch } = await setup(t)
    double.on('f', handler)
    t.deepEqual(await fetch('f'), { kind: 'absent' })
    await until('the turn to be given back', () => origin.underWay === 0)
  })
}

test('while others wait for a turn, a client that takes nothing of its file loses it', async (t) => {
  const { double, fetch } = await setup(t, { maxFetches: 2 })
  const content = bytes('passed', 900_000)
  double.file('f', content, { 'Cache-Control': 'private' })
  double.on('g', (_, res) => {
    const range = 'bytes 0-899999/1000000'
    res.writeHead(206, { 'Content-Range': range }).end(content)
  })
  const slow = [await fetch('f'), await fetch('g', { range: 'bytes=0-899999' })]
  for (const answer of slow) if ('body' in answer) await once(answer.body, 'readable')
  double.file('h', 'x')
  t.is(String(await bodyOf(await fetch('h'))), 'x')
  const ends = await Promise.allSettled(slow.map(bodyOf))
  t.true(ends.some((end) => end.status === 'rejected' && /slowly/.test(end.reason.message)))
})

test('404 and 410 say that there is no such file', async (t) => {
  const { double, fetch } = await setup(t)
  t.deepEqual(await fetch('none'), { kind: 'absent' })
  double.on('gone', (_, res) => void res.writeHead(410).end('x'.repeat(10_000)))
  t.deepEqual(await fetch('gone'), { kind: 'absent' })
})

test('a range is passed on, and must be the one that comes back', async (t) => {
  const { double, fetch } = await setup(t)
  double.on('f', ({ headers }, res) => {
    if (headers.range === 'bytes=9-') res.writeHead(416, { 'Content-Range': 'bytes */9' }).end()
    else if (headers.range === 'bytes=2-4')
      res.writeHead(206, { 'Content-Range': 'bytes 2-4/9' }).end('cde')
    else res.end('abcdefghi')
  })
  const part = await fetch('f', { range: 'bytes=2-4' })
  t.like(part, { kind: 'part', contentRange: 'bytes 2-4/9', size: 3 })
  t.is(String(await bodyOf(part)), 'cde')
  t.deepEqual(await fetch('f', { range: 'bytes=9-' }), {
    kind: 'unsatisfiable',
    contentRange: 'bytes */9',
  })
  const whole = await fetch('f', { range: 'bytes=-3' })
  t.is(whole.kind, 'content')
  t.is(String(await bodyOf(whole)), 'abcdefghi')
})

test('redirects are followed within the origin, with its credentials', async (t) => {
  const { double, fetch } = await setup(t, { authorization: 'Bearer secret' })
  const to =
    (path: string, headers = {}): Handler =>
    (_, res) =>
      void res.writeHead(307, { Location: path, ...headers }).end()
  double.on('a', to('b', { 'Cache-Control': 'max-age=5' }))
  double.on('b', to('/base/c'))
  double.on('c', to(`${double.url}d`))
  double.file('d', CONTENT, { 'Cache-Control': 'max-age=100' })
  const answer = await fetch('a')
  t.like(answer, { kind: 'content', freshness: { ttl: 5 } })
  t.deepEqual(await bodyOf(answer), CONTENT)
  t.true(double.received.every(({ headers }) => headers.authorization === 'Bearer secret'))
})

test('a redirect to a host that is allowed takes no credentials along', async (t) => {
  const cdn = await startOrigin(t)
  cdn.file('f', CONTENT)
  const { double, fetch } = await setup(t, {
    authorization: 'Bearer secret',
    redirectHosts: [new URL(cdn.url).host],
  })
  double.on('f', (_, res) => void res.writeHead(302, { Location: `${cdn.url}f` }).end())
  t.deepEqual(await bodyOf(await fetch('f')), CONTENT)
  t.is(cdn.received[0]!.headers.authorization, undefined)
})

test('a connection that the origin closes while it is kept costs no fetch', async (t) => {
  const answers = new Map<unknown, number>()
  const server = createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => {
      answers.set(socket, (answers.get(socket) ?? 0) + 1)
      if (answers.get(socket) === 2) return socket.destroy()
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const { origin } = await setup(t, { url: `http://127.0.0.1:${port}/` })
  for (let i = 0; i < 3; i++) {
    const address = origin.addresses.ofName('f')!
    const signal = new AbortController().signal
    t.is(String(await bodyOf(await origin.fetch({ address, maxSize: 9, signal }))), 'x')
  }
  origin.close()
})

test('connections that the origin closes while they are kept cost no fetch, however many', async (t) => {
  const sockets = new Set<Socket>()
  let isRestarted = false
  const server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    socket.on('data', () => {
      if (isRestarted) return socket.destroy()
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const { origin } = await setup(t, { url: `http://127.0.0.1:${port}/` })
  const address = origin.addresses.ofName('f')!
  const signal = new AbortController().signal
  const fetch = () => origin.fetch({ address, maxSize: 9, signal }).then(bodyOf)
  await Promise.all([fetch(), fetch(), fetch(), fetch()])
  t.is(sockets.size, 4)
  isRestarted = true
  server.removeAllListeners('connection')
  server.on('connection', (socket) => {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx'))
  })
  t.is(String(await fetch()), 'x')
  origin.close()
})

test('fetches wait for their turn, one that is aborted leaves, and every turn is given back', async (t) => {
  const { double, origin, fetch } = await setup(t, { maxFetches: 2 })
  const held: Parameters<Handler>[1][] = []
  double.on('f', (_, res) => void held.push(res))
  const leaving = new AbortController()
  const fetches = [fetch('f'), fetch('f'), fetch('f', { signal: leaving.signal }), fetch('f')]
  await until('two to be asked for', () => held.length === 2)
  leaving.abort(new Error('left'))
  await t.throwsAsync(fetches[2]!, { message: 'left' })
  t.is(double.count('f'), 2)
  for (const res of held) res.end('x')
  await Promise.all([fetches[0]!, fetches[1]!].map(async (answer) => bodyOf(await answer)))
  await until('the next one to be asked for', () => held.length === 3)
  held[2]!.end('x')
  await bodyOf(await fetches[3]!)
  await until('the turns to be given back', () => origin.underWay === 0)
})

test.serial('too many that wait, or wait too long, are unavailable', async (t) => {
  const { double, fetch } = await setup(t, { maxFetches: 1, timeoutMs: 3000 })
  double.on('f', (_, res) => void res.writeHead(200).write('x'))
  const first = await fetch('f')
  const waiting = Array.from({ length: 17 }, () =>
    t.throwsAsync(fetch('f'), { code: 'unavailable' }),
  )
  await Promise.all(waiting)
  await t.throwsAsync(bodyOf(first), { instanceOf: OriginError })
})

test('an abort ends a fetch at any point', async (t) => {
  const { double, origin, fetch } = await setup(t)
  const outcomes: string[] = []
  origin.observe({ fetched: (outcome) => void outcomes.push(outcome) })
  double.on('f', () => {})
  double.on('g', (_, res) => void res.writeHead(200).write('x'))
  const controllers = Array.from({ length: 3 }, () => new AbortController())
  const [early, late, unread] = controllers as [AbortController, AbortController, AbortController]
  const noHeader = t.throwsAsync(fetch('f', { signal: early.signal }), { message: 'left' })
  const body = bodyOf(await fetch('g', { signal: late.signal }))
  await fetch('g', { signal: unread.signal })
  for (const controller of controllers) controller.abort(new Error('left'))
  await noHeader
  await t.throwsAsync(body, { message: 'left' })
  await until('all to end', () => outcomes.length === 3)
  t.deepEqual(outcomes, ['aborted', 'aborted', 'aborted'])
  t.is(origin.underWay, 0)
})
