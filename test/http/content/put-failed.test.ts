import test from 'ava'
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

const STATUS = {
  'bad-request': 400,
  'digest-mismatch': 400,
  'too-large': 413,
  internal: 500,
  unavailable: 503,
  'insufficient-storage': 507,
}

/** The upload, the reason, how often which kind of key is asked for, and what is done to the engine before. */
type Failure = [RawUpload, keyof typeof STATUS, Calls, ((engine: FaultyEngine) => unknown)?]
/** `maxValueSize` has no key. */
type Calls = Record<string, number>

const f = { path: '/files/f', body: small }
const smallByHash = { path: byHash(small), body: small }
const severalByHash = { path: byHash(several), body: several }
const typed = (type: string) => ({ ...f, fields: [`Content-Type: ${type}`] })
const none: Calls = {}
const asked = { maxValueSize: 1 }
const one = { ...asked, 'set c': 1 }
const three = { ...asked, 'set c': 3 }
const five = { ...asked, 'set c': 5 }
const looked = { ...three, 'touch c': 3 }

const failures: Record<string, Failure> = {
  'a wrong hash': [{ path: ZEROS, body: small }, 'digest-mismatch', one],
  'a wrong hash of several chunks': [
    { path: ZEROS, body: several, chunked: 500 },
    'digest-mismatch',
    three,
  ],
  'a file that says it is too large': [{ ...f, body: large }, 'too-large', asked],
  'a file that turns out to be too large': [{ ...f, body: large, chunked: 700 }, 'too-large', five],
  'a file by hash that says it is too large': [
    { path: byHash(large), body: large },
    'too-large',
    asked,
  ],
  'a file by hash that turns out to be too large': [
    { path: byHash(large), body: large, chunked: 10_000 },
    'too-large',
    five,
  ],
  'a type of 256 bytes': [typed(`a/${'b'.repeat(254)}`), 'bad-request', none],
  'a type of 255 letters and more bytes': [typed(`a/${'ü'.repeat(150)}`), 'bad-request', none],
  'a memcached that is down': [
    f,
    'unavailable',
    asked,
    (engine) => {
      engine.maxValueSize = () => Promise.reject(down)
    },
  ],
  'a memcached that is down for the chunk': [f, 'unavailable', one, failWith(down, 'set', 'c:')],
  'a memcached that goes down between chunks': [
    severalByHash,
    'unavailable',
    three,
    failWith(down, 'set', 'c:', 3),
  ],
  'a memcached that is down when the chunks are looked for': [
    severalByHash,
    'unavailable',
    looked,
    failWith(down, 'touch', 'c:'),
  ],
  'a memcached that is down when the link by hash is made': [
    f,
    'unavailable',
    { ...one, 'set h': 1 },
    failWith(down, 'set', 'h:'),
  ],
  'a memcached that is down when the link by hash alone is made': [
    smallByHash,
    'unavailable',
    { ...one, 'add h': 1 },
    failWith(down, 'add', 'h:'),
  ],
  'a memcached that is down when the link by name is made': [
    f,
    'unavailable',
    { ...one, 'set h': 1, 'add n': 1 },
    failWith(down, 'add', 'n:'),
  ],
  'a chunk of several that vanishes': [
    severalByHash,
    'insufficient-storage',
    looked,
    vanish(several),
  ],
  'a memcached that has no room': [
    { ...f, chunked: 100 },
    'insufficient-storage',
    one,
    failWith(full, 'set', 'c:'),
  ],
  'something unforeseen': [f, 'internal', one, failWith(bug, 'set', 'c:')],
  'something unforeseen when the link is made': [
    smallByHash,
    'internal',
    { ...one, 'add h': 1 },
    failWith(bug, 'add', 'h:'),
  ],
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

for (const [what, [upload, reason, calls, damage]] of Object.entries(failures)) {
  test(`an upload with ${what} is ${reason}, and what was there is left`, async (t) => {
    const lacksRoom = ['unavailable', 'insufficient-storage', 'too-large'].includes(reason)
    for (const [agent, status] of [
      ['test', STATUS[reason]],
      ['rush 5.100.0', lacksRoom && upload.path === f.path ? 202 : STATUS[reason]],
    ] as const) {
      const engine = new FaultyEngine(memory())
      const unforeseen: unknown[] = []
      const isExpected = (error: unknown) => {
        unforeseen.push(error)
        return error === bug
      }
      const server = await startTestServer(t, { engine, store, isExpected })
      await server.store.put('before', { name: 'f' })
      damage?.(engine)
      const done = follow(engine)
      const fields = [...(upload.fields ?? []), `User-Agent: ${agent}`]
      const { head, body, ...answer } = parseAnswer(
        await putRaw(t, server.url, { ...upload, fields }),
      )
      t.is(answer.status, status)
      t.like(JSON.parse(body), { status, reason })
      t.regex(head, new RegExp(`^Cache-Status: blobcached; detail=${reason}\r$`, 'm'))
      if (status === 503) t.regex(head, /^Retry-After: 7\r$/m)
      t.deepEqual(count(done), calls)
      t.is(unforeseen.length, reason === 'internal' ? 1 : 0)
      t.is(server.store.memoryUsage.used, 0)
      t.deepEqual(await whatIsThere(engine, upload.body), {
        f: Digest.of(Buffer.from('before')).hex,
        isThereByHash: 'add n' in calls, // By then the link by hash was made.
      })
    }
  })
}
