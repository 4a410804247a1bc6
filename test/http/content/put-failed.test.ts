import test, { type ExecutionContext } from 'ava'
import {
  Digest,
  FileStore,
  InsufficientStorageError,
  memory,
  UnavailableError,
} from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine, follow } from '../../helpers/faulty-engine.ts'
import { parseAnswer } from '../../helpers/raw-http.ts'
import { putRaw, type RawUpload } from '../../helpers/raw-upload.ts'
import { startTestServer } from '../../helpers/server.ts'

const store = { chunkSize: 1000, memory: { total: 8000, perRead: 2500 }, maxFileSize: 5000 }
const small = bytes('small', 900)
const several = bytes('several', 2400)
const large = bytes('large', 9000)

const byHash = (body: Buffer) => `/blobs/${Digest.of(body).hex}`
/** The hash of nothing that is ever sent. */
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

/** Nothing is asked of the engine for it. */
const badRequest = (upload: RawUpload): Failure => ({
  upload,
  status: 400,
  reason: 'bad-request',
  calls: {},
})

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
  'percent-encoding that is none': badRequest({ path: '/files/%zz', body: small }),
  'percent-encoding that is cut off': badRequest({
    path: '/files/a%',
    body: several,
    chunked: 300,
  }),
  'a name that is not UTF-8': badRequest({ path: '/files/%ff', body: small }),
  'half of a surrogate pair': badRequest({ path: '/files/%ed%a0%80', body: small }),
  'a control character': badRequest({ path: '/files/a%00b', body: small }),
  'a name that is too long': badRequest({ path: `/files/${'n'.repeat(1025)}`, body: large }),
  'a type of 256 bytes': badRequest({
    path: '/files/f',
    body: small,
    fields: [`Content-Type: a/${'b'.repeat(254)}`],
  }),
  'a type of 255 letters and more bytes': badRequest({
    path: '/files/f',
    body: small,
    fields: [`Content-Type: a/${'ü'.repeat(150)}`],
  }),
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

/** How many there were of each kind. */
function count(calls: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const call of calls) {
    const kind = call.split(':')[0]!
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

/** What a name that was there before leads to, and whether the upload can be had by hash. */
async function whatIsThere(engine: FaultyEngine, body: Buffer) {
  const there = new FileStore(engine.inner, store)
  const { hash } = await there.find({ name: 'f' })
  return { f: hash, isThereByHash: await there.isReadable({ hash: Digest.of(body) }) }
}

/** On a server of its own, where there is an `f` already. */
async function fail(t: ExecutionContext, { damage, upload }: Failure, fields: string[] = []) {
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
  const answer = parseAnswer(await putRaw(t, server.url, { ...upload, fields: all }))
  t.is(server.store.memoryUsage.used, 0)
  return { answer, calls, unforeseen, there: await whatIsThere(engine, upload.body) }
}

for (const [what, failure] of Object.entries(failures)) {
  const { reason, status, calls, isThereByHash = false } = failure

  test(`an upload with ${what} is ${status} ${reason}, and what was there is left`, async (t) => {
    const { answer, ...done } = await fail(t, failure)
    t.is(answer.status, status)
    t.like(JSON.parse(answer.body), { status, reason })
    t.regex(answer.head, new RegExp(`^Cache-Status: blobcached; detail=${reason}\r$`, 'm'))
    if (reason === 'unavailable') t.regex(answer.head, /^Retry-After: 7\r$/m)
    t.deepEqual(count(done.calls), calls)
    t.deepEqual(done.there, { f: Digest.of(Buffer.from('before')).hex, isThereByHash })
    t.is(done.unforeseen, reason === 'internal' ? 1 : 0)

    const rush = await fail(t, failure, ['User-Agent: rush 5.100.0'])
    const lacksRoom = ['unavailable', 'insufficient-storage', 'too-large'].includes(reason)
    const isByName = failure.upload.path.startsWith('/files/')
    t.is(rush.answer.status, lacksRoom && isByName ? 202 : status)
    t.like(JSON.parse(rush.answer.body), { reason })
  })
}
