import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import {
  Digest,
  FileStore,
  InsufficientStorageError,
  memory,
  UnavailableError,
} from '../../src/index.ts'
import {
  bothWays,
  putRaw,
  type RawUpload,
  rawPut,
  WAYS,
  type Way,
  withoutDateAndId,
} from '../helpers/both-ways.ts'
import { bytes } from '../helpers/bytes.ts'
import { deferred } from '../helpers/deferred.ts'
import { FaultyEngine } from '../helpers/faulty-engine.ts'
import { ask } from '../helpers/http.ts'
import { connectRaw } from '../helpers/raw-http.ts'
import { startTestServer, type TestServerOptions } from '../helpers/server.ts'
import { watched } from '../helpers/watchdog.ts'

const store = { chunkSize: 1000, memory: { total: 8000, perRead: 2500 }, maxFileSize: 5000 }
const small = bytes('small', 900)
const several = bytes('several', 2400)
const large = bytes('large', 9000)
const byHash = (body: Buffer) => `/blobs/${Digest.of(body).hex}`
const ZEROS = `/blobs/${'0'.repeat(64)}`

interface Failure {
  /** What is done to the engine before the upload. */
  damage?: (engine: FaultyEngine) => unknown
  upload: RawUpload
  status: number
  reason: string
  /** How often which kind of key is asked for; `maxValueSize` has none. */
  calls: Record<string, number>
  /** Whether what was stored can be had by hash nevertheless. Default false. */
  isThereByHash?: boolean
}

const down = new UnavailableError('down', { retryAfter: 7 })
const full = new InsufficientStorageError('full')
const bug = new Error('unforeseen')

/** Rejects what is done with keys of one kind, from the `nth` time on. */
const failWith =
  (error: Error, operation: 'set' | 'add' | 'touch', kind: string, nth = 1) =>
  (engine: FaultyEngine) => {
    const inner = engine[operation] as (key: string, ...rest: unknown[]) => Promise<unknown>
    let times = 0
    const faulty = async (key: string, ...rest: unknown[]) => {
      if (key.startsWith(kind) && ++times >= nth) throw error
      return inner(key, ...rest)
    }
    Object.assign(engine, { [operation]: faulty })
  }
/** The chunk vanishes between its upload and the look whether it is there. */
const vanish = (body: Buffer) => (engine: FaultyEngine) => {
  const gone = `c:${Digest.of(body.subarray(0, 1000)).hex}`
  engine.touch = async (key, ttl) => {
    if (key === gone) await engine.inner.delete(key)
    return engine.inner.touch(key, ttl)
  }
}

const one = { maxValueSize: 1, 'set c': 1 }
const three = { maxValueSize: 1, 'set c': 3 }

const failures: Record<string, Failure> = {
  'a wrong hash': {
    upload: { path: ZEROS, body: small },
    status: 400,
    reason: 'digest-mismatch',
    calls: one,
  },
  'a wrong hash of several chunks': {
    upload: { path: ZEROS, body: several, chunked: 500 },
    status: 400,
    reason: 'digest-mismatch',
    calls: three,
  },
  'a file that says it is too large': {
    upload: { path: '/files/f', body: large },
    status: 413,
    reason: 'too-large',
    calls: { maxValueSize: 1 },
  },
  'a file that says it is too large, by hash': {
    upload: { path: byHash(large), body: large },
    status: 413,
    reason: 'too-large',
    calls: { maxValueSize: 1 },
  },
  'a file that turns out to be too large': {
    upload: { path: '/files/f', body: large, chunked: 700 },
    status: 413,
    reason: 'too-large',
    calls: { maxValueSize: 1, 'set c': 5 },
  },
  'a file that turns out to be too large, by hash': {
    upload: { path: byHash(large), body: large, chunked: 10_000 },
    status: 413,
    reason: 'too-large',
    calls: { maxValueSize: 1, 'set c': 5 },
  },
  'percent-encoding that is none': {
    upload: { path: '/files/%zz', body: small },
    status: 400,
    reason: 'bad-request',
    calls: {},
  },
  'percent-encoding that is cut off': {
    upload: { path: '/files/a%', body: several, chunked: 300 },
    status: 400,
    reason: 'bad-request',
    calls: {},
  },
  'a name that is not UTF-8': {
    upload: { path: '/files/%ff', body: small },
    status: 400,
    reason: 'bad-request',
    calls: {},
  },
  'half of a surrogate pair': {
    upload: { path: '/files/%ed%a0%80', body: small },
    status: 400,
    reason: 'bad-request',
    calls: {},
  },
  'a control character': {
    upload: { path: '/files/a%00b', body: small },
    status: 400,
    reason: 'bad-request',
    calls: {},
  },
  'a name that is too long': {
    upload: { path: `/files/${'n'.repeat(1025)}`, body: large },
    status: 400,
    reason: 'bad-request',
    calls: {},
  },
  'a type of 256 bytes': {
    upload: { path: '/files/f', body: small, fields: [`Content-Type: a/${'b'.repeat(254)}`] },
    status: 400,
    reason: 'bad-request',
    calls: {},
  },
  'a type of 255 letters and more bytes': {
    upload: { path: '/files/f', body: small, fields: [`Content-Type: a/${'ü'.repeat(150)}`] },
    status: 400,
    reason: 'bad-request',
    calls: {},
  },
  'a memcached that is down': {
    damage: (engine) => {
      engine.maxValueSize = () => Promise.reject(down)
    },
    upload: { path: '/files/f', body: small },
    status: 503,
    reason: 'unavailable',
    calls: { maxValueSize: 1 },
  },
  'a memcached that is down when the chunk is stored': {
    damage: failWith(down, 'set', 'c:'),
    upload: { path: '/files/f', body: small },
    status: 503,
    reason: 'unavailable',
    calls: one,
  },
  'a memcached that goes down between chunks': {
    damage: failWith(down, 'set', 'c:', 3),
    upload: { path: byHash(several), body: several },
    status: 503,
    reason: 'unavailable',
    calls: three,
  },
  'a memcached that is down when the chunks are looked for': {
    damage: failWith(down, 'touch', 'c:'),
    upload: { path: '/files/f', body: small },
    status: 503,
    reason: 'unavailable',
    calls: { ...one, 'touch c': 1 },
  },
  'a memcached that is down when the link by hash is made': {
    damage: failWith(down, 'set', 'h:'),
    upload: { path: '/files/f', body: small },
    status: 503,
    reason: 'unavailable',
    calls: { ...one, 'touch c': 1, 'set h': 1 },
  },
  'a memcached that is down when the link by hash alone is made': {
    damage: failWith(down, 'add', 'h:'),
    upload: { path: byHash(small), body: small },
    status: 503,
    reason: 'unavailable',
    calls: { ...one, 'touch c': 1, 'add h': 1 },
  },
  'a memcached that is down when the link by name is made': {
    damage: failWith(down, 'add', 'n:'),
    upload: { path: '/files/f', body: small },
    status: 503,
    reason: 'unavailable',
    calls: { ...one, 'touch c': 1, 'set h': 1, 'add n': 1 },
    isThereByHash: true,
  },
  'a chunk that vanishes': {
    damage: vanish(small),
    upload: { path: '/files/f', body: small },
    status: 507,
    reason: 'insufficient-storage',
    calls: { ...one, 'touch c': 1 },
  },
  'a chunk of several that vanishes': {
    damage: vanish(several),
    upload: { path: byHash(several), body: several },
    status: 507,
    reason: 'insufficient-storage',
    calls: { ...three, 'touch c': 3 },
  },
  'a memcached that has no room': {
    damage: failWith(full, 'set', 'c:'),
    upload: { path: '/files/f', body: small, chunked: 100 },
    status: 507,
    reason: 'insufficient-storage',
    calls: one,
  },
  'something unforeseen': {
    damage: failWith(bug, 'set', 'c:'),
    upload: { path: '/files/f', body: small },
    status: 500,
    reason: 'internal',
    calls: one,
  },
  'something unforeseen when the link is made': {
    damage: failWith(bug, 'add', 'h:'),
    upload: { path: byHash(small), body: small },
    status: 500,
    reason: 'internal',
    calls: { ...one, 'touch c': 1, 'add h': 1 },
  },
}

const OPERATIONS = ['get', 'set', 'add', 'touch', 'delete', 'maxValueSize'] as const

/** What the engine is asked for from now on, in order. */
function follow(engine: FaultyEngine): string[] {
  const calls: string[] = []
  for (const operation of OPERATIONS) {
    const inner = engine[operation] as (...args: unknown[]) => unknown
    const followed = (...args: unknown[]) => {
      calls.push(typeof args[0] === 'string' ? `${operation} ${args[0]}` : operation)
      return inner(...args)
    }
    Object.assign(engine, { [operation]: followed })
  }
  return calls
}

/** How many there were of each kind. */
function count(calls: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const call of calls) {
    const kind = call.split(':')[0]!
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

function parse(answer: string) {
  const [head, body] = answer.split('\r\n\r\n') as [string, string]
  return { status: Number(head.split(' ')[1]), head, body }
}

/** What a name that was there before leads to, and whether the upload can be had by hash. */
async function whatIsThere(engine: FaultyEngine, body: Buffer) {
  const there = new FileStore(engine.inner, store)
  const { hash } = await there.find({ name: 'f' })
  return { f: hash, isThereByHash: await there.isReadable({ hash: Digest.of(body) }) }
}

/** On a server of its own, where there is an `f` already. */
async function fail(t: ExecutionContext, way: Way, failure: Failure, fields: string[] = []) {
  const { damage, upload } = failure
  const engine = new FaultyEngine(memory())
  let unforeseen = 0
  const isExpected = (error: unknown) => {
    unforeseen++
    return error === bug
  }
  const server = await startTestServer(t, { engine, store, isExpected })
  await server.store.put('before', { name: 'f' })
  damage?.(engine)
  const calls = follow(engine)
  const all = [...(upload.fields ?? []), ...fields]
  const answer = await putRaw(t, server.url, way, { ...upload, fields: all })
  t.is(server.store.memoryUsage.used, 0)
  return { answer, calls, unforeseen, there: await whatIsThere(engine, upload.body) }
}

for (const [what, failure] of Object.entries(failures)) {
  const { reason, status, calls, isThereByHash = false } = failure

  test(`${what}: the same problem with and without Koa, after the same work`, async (t) => {
    const { plain, koa } = await bothWays((way) => fail(t, way, failure))
    t.deepEqual(plain, koa)
    const { head, body, ...answer } = parse(plain.answer)
    t.is(answer.status, status)
    t.like(JSON.parse(body), { status, reason })
    t.regex(head, new RegExp(`^Cache-Status: blobcached; detail=${reason}\r$`, 'm'))
    if (reason === 'unavailable') t.regex(head, /^Retry-After: 7\r$/m)
    t.deepEqual(count(plain.calls), calls)
    t.deepEqual(plain.there, { f: Digest.of(Buffer.from('before')).hex, isThereByHash })
    t.is(plain.unforeseen, reason === 'internal' ? 1 : 0)
  })

  test(`${what}: Rush is told alike with and without Koa`, async (t) => {
    const rush = ['User-Agent: rush 5.100.0']
    const { plain, koa } = await bothWays((way) => fail(t, way, failure, rush))
    t.deepEqual(plain, koa)
    const lacksRoom = ['unavailable', 'insufficient-storage', 'too-large'].includes(reason)
    const isByName = failure.upload.path.startsWith('/files/')
    t.is(parse(plain.answer).status, lacksRoom && isByName ? 202 : status)
  })
}

const access = { tokens: ['writer'], readTokens: ['reader'] }
const refusals: [string, string | undefined, boolean, number][] = [
  ['no token', undefined, false, 401],
  ['an unknown token', 'Bearer guess', false, 401],
  ['a scheme that is none', 'writer', false, 401],
  ['a token to read with', 'Bearer reader', false, 403],
  ['a token to read with as password', `Basic ${btoa('x:reader')}`, false, 403],
  ['a token to write with', 'bearer writer', false, 201],
  ['a token to write with as password', `Basic ${btoa('x:writer')}`, false, 201],
  ['no token where anyone reads', undefined, true, 401],
]
for (const [what, token, publicRead, status] of refusals) {
  test(`an upload with ${what} is ${status} with and without Koa`, async (t) => {
    for (const path of ['/files/f', '/files/%zz', byHash(small), ZEROS]) {
      const { plain, koa } = await bothWays(async (way) => {
        const engine = new FaultyEngine(memory())
        const calls = follow(engine)
        const { url } = await startTestServer(t, { engine, access: { ...access, publicRead } })
        const fields = token === undefined ? [] : [`Authorization: ${token}`]
        return { answer: await putRaw(t, url, way, { path, body: small, fields }), calls }
      })
      t.deepEqual(plain, koa, path)
      const isGood = path === '/files/f' || path === byHash(small)
      t.is(parse(plain.answer).status, status === 201 && !isGood ? 400 : status)
      if (status !== 201) t.deepEqual(plain.calls, [], 'nothing is done for who may not write')
    }
  })
}

/** Starts a server on which one upload, of two that it may work on, is under way until the gate opens. */
async function startBusy(t: ExecutionContext, options: TestServerOptions = {}) {
  const engine = new FaultyEngine(memory())
  const [gate, entered] = [deferred(), deferred()]
  const server = await startTestServer(t, { engine, store, maxUploads: 1, ...options })
  engine.set = async (key, value, options) => {
    entered.resolve()
    await gate.promise
    return engine.inner.set(key, value, options)
  }
  return { ...server, engine, gate, entered }
}

for (const busy of ['plain', 'koa'] as const) {
  test(`an upload too many is 503 with and without Koa, behind one that is ${busy}`, async (t) => {
    const { plain, koa } = await bothWays(async (way) => {
      const { url, engine, gate, entered } = await startBusy(t)
      const first = putRaw(t, url, busy, { path: '/files/first', body: small })
      await entered.promise
      const calls = follow(engine)
      const answers: string[] = []
      const paths = ['/files/f', byHash(small), ZEROS, '/files/%00']
      for (const path of paths) answers.push(await putRaw(t, url, way, { path, body: small }))
      t.deepEqual(calls, [])
      gate.resolve()
      t.is(parse(await first).status, 201)
      const after = await putRaw(t, url, way, { path: '/files/f', body: small })
      t.is(parse(after).status, 201)
      return answers
    })
    t.deepEqual(plain, koa)
    for (const answer of plain) {
      t.is(parse(answer).status, 503)
      t.regex(answer, /^Retry-After: 1\r$/m)
    }
  })
}

test('uploads that fail leave room for others, with and without Koa', async (t) => {
  await bothWays(async (way) => {
    const { url } = await startTestServer(t, { store, maxUploads: 1 })
    for (const path of ['/files/%00', ZEROS, '/files/%zz']) {
      t.is(parse(await putRaw(t, url, way, { path, body: small })).status, 400)
      t.is(parse(await putRaw(t, url, way, { path: '/files/f', body: large })).status, 413)
    }
    t.is(parse(await putRaw(t, url, way, { path: '/files/f', body: small })).status, 201)
  })
})

test('an upload over a connection too many is 503 with and without Koa', async (t) => {
  const { plain, koa } = await bothWays(async (way) => {
    const { url } = await startTestServer(t, { maxConnections: 1 })
    const other = await connectRaw(t, url)
    other.send('GET /readyz HTTP/1.1', 'Host: x', '', '')
    await other.until(/^HTTP\/1\.1 200 /)
    return putRaw(t, url, way, { path: '/files/f', body: small })
  })
  t.is(plain, koa)
  t.is(parse(plain).status, 503)
})

/** Long enough for a slow machine to be seen to make progress. */
const IDLE_MS = 600

for (const [what, framing, length] of [
  ['before its first byte', {}, 0],
  ['in its first chunk', {}, 500],
  ['after some chunks', {}, 2100],
  ['before its first byte, chunked', { chunked: 600 }, 0],
  ['after some chunks, chunked', { chunked: 600 }, 2000],
] as const) {
  test(`a body that stops ${what} is 408 with and without Koa, and frees its memory`, async (t) => {
    const { plain, koa } = await bothWays(async (way) => {
      const engine = new FaultyEngine(memory())
      const calls = follow(engine)
      const server = await startTestServer(t, { engine, store, idleTimeoutMs: IDLE_MS })
      const client = await connectRaw(t, server.url)
      const sent = rawPut(way, { path: '/files/f', body: several, ...framing })
      client.socket.write(sent.subarray(0, sent.indexOf('\r\n\r\n') + 4 + length))
      const answer = withoutDateAndId(await client.closed())
      t.is(server.store.memoryUsage.used, 0)
      t.is((await ask(`${server.url}/files/f`)).status, 404)
      return { answer, calls }
    })
    t.deepEqual(plain, koa)
    const { status, head, body } = parse(plain.answer)
    t.is(status, 408)
    t.like(JSON.parse(body), { reason: 'request-timeout' })
    t.regex(head, /^Connection: close\r$/m)
  })
}

test('an upload that is idle leaves room for others, with and without Koa', async (t) => {
  await bothWays(async (way) => {
    const { url } = await startTestServer(t, { store, maxUploads: 1, idleTimeoutMs: IDLE_MS })
    const client = await connectRaw(t, url)
    client.socket.write(rawPut(way, { path: '/files/f', body: small }).subarray(0, -100))
    t.regex(await client.closed(), /^HTTP\/1\.1 408 /)
    t.is(parse(await putRaw(t, url, way, { path: '/files/f', body: small })).status, 201)
  })
})

test('a chunked body that is none is told alike with and without Koa', async (t) => {
  for (const start of ['', `3e8\r\n${'x'.repeat(1000)}\r\n`, '64\r\nnot as long']) {
    const { plain, koa } = await bothWays(async (way) => {
      const { url, store: files } = await startTestServer(t, { store })
      const client = await connectRaw(t, url)
      const head = [`PUT /files/f${WAYS[way]} HTTP/1.1`, 'Host: x', 'Transfer-Encoding: chunked']
      client.send(...head, '', start)
      await sleep(20)
      client.send(`${'z'.repeat(200)}\r\n`)
      const answer = withoutDateAndId(await client.closed())
      t.is((await ask(`${url}/files/f`)).status, 404)
      await watched('the memory to be given back', memoryIsFree(files))
      return answer
    })
    t.is(plain, koa)
    t.is(parse(plain).status, 400)
  }
})

async function memoryIsFree({ memoryUsage }: FileStore): Promise<void> {
  while (memoryUsage.used > 0) await sleep(5)
}

const refused: [string, RawUpload, TestServerOptions, number][] = [
  ['a bad name', { path: '/files/%00', body: large }, {}, 400],
  ['no name', { path: '/files/%zz', body: large, chunked: 1000 }, {}, 400],
  ['a wrong hash', { path: ZEROS, body: several }, {}, 400],
  ['a type that is too long', typed('x'.repeat(256)), {}, 400],
  ['a length that is too large', { path: '/files/f', body: bytes('long', 300_000) }, {}, 413],
  [
    'a file that is too large',
    { path: '/files/f', body: bytes(1, 300_000), chunked: 5000 },
    {},
    413,
  ],
  ['no token', { path: '/files/f', body: large }, { access }, 401],
]

function typed(type: string): RawUpload {
  return { path: '/files/f', body: several, fields: [`Content-Type: ${type}`] }
}

for (const [what, upload, options, status] of refused) {
  test(`a connection stays usable after ${what}, with and without Koa`, async (t) => {
    const { plain, koa } = await bothWays(async (way) => {
      const { url } = await startTestServer(t, { store, ...options })
      const client = await connectRaw(t, url)
      const sent = rawPut(way, upload)
      const half = sent.length - Math.floor(upload.body.length / 2)
      client.socket.write(sent.subarray(0, half))
      await sleep(50) // So that the answer may come before the rest.
      client.socket.write(sent.subarray(half))
      client.send(`GET /healthz HTTP/1.1`, 'Host: x', '', '')
      await client.until(/\r\n\r\nHTTP\/1\.1 200 |}HTTP\/1\.1 200 .*\r\n\r\n/s)
      client.received = ''
      client.socket.write(rawPut(way, { path: '/files/after', body: small }))
      await client.until(/^HTTP\/1\.1 \d+ .*}$/s)
      const refusal = status
      t.regex(client.received, refusal === 401 ? /^HTTP\/1\.1 401 / : /^HTTP\/1\.1 201 /)
      return withoutDateAndId(client.received)
    })
    t.is(plain, koa)
  })

  test(`what is told of ${what} while the body still comes is the same with and without Koa`, async (t) => {
    if (what === 'a wrong hash') return t.pass('that shows at the end alone')
    const { plain, koa } = await bothWays(async (way) => {
      const { url } = await startTestServer(t, { store, ...options })
      const client = await connectRaw(t, url)
      const sent = rawPut(way, upload)
      const half = sent.length - Math.floor(upload.body.length / 2)
      client.socket.write(sent.subarray(0, half))
      await client.until(/^HTTP\/1\.1 \d+ .*}$/s)
      const answer = client.received
      client.socket.write(sent.subarray(half))
      client.send('GET /files/none HTTP/1.1', 'Host: x', '', '')
      await client.until(/}HTTP\/1\.1 \d+ .*}$/s)
      return { answer: withoutDateAndId(answer), all: withoutDateAndId(client.received) }
    })
    t.deepEqual(plain, koa)
    t.is(parse(plain.answer).status, status)
  })
}

test('what a client goes on sending without an end is cut off, with and without Koa', async (t) => {
  await bothWays(async (way) => {
    const { url } = await startTestServer(t, { store })
    const client = await connectRaw(t, url)
    const head = [`PUT /files/%00${WAYS[way]} HTTP/1.1`, 'Host: x', `Content-Length: ${2 ** 31}`]
    client.send(...head, '', '')
    await client.until(/^HTTP\/1\.1 400 /)
    const piece = Buffer.alloc(1024 * 1024)
    const drained = () => new Promise((resolve) => client.socket.once('drain', resolve))
    const sending = (async () => {
      for (let sent = 0; sent < 200 && !client.isClosed; sent++) {
        if (!client.socket.write(piece)) await Promise.race([drained(), client.closed()])
      }
    })()
    await client.closed()
    await sending
    t.true(client.socket.bytesWritten < 150 * 1024 * 1024)
  })
})
