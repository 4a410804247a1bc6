import test, { type ExecutionContext } from 'ava'
import { Digest, memory, UnavailableError } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { flipped } from '../../helpers/engines.ts'
import { FaultyEngine, follow } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { startTestServer } from '../../helpers/server.ts'

const store = { chunkSize: 1000, memory: { total: 8000, perRead: 2500 } }
const content = {
  small: bytes('small', 900),
  several: bytes('several', 2400),
  large: bytes('large', 8500),
}
type Name = keyof typeof content
const keyOf = (name: string) => `n:${Digest.of(Buffer.from(name)).hex}`

interface Failure {
  /** What is done to the engine before the request. */
  damage?: (engine: FaultyEngine) => unknown
  path: string
  status: number
  reason: string
  /** Keys that are asked for; what a file was by name is not known beforehand. */
  gets: number
}

const byHash = (name: Name) => `/blobs/${Digest.of(content[name]).hex}`
const chunkOf = (name: Name, index: number) => {
  const bytes = content[name].subarray(index * 1000, (index + 1) * 1000)
  return `c:${Digest.of(bytes).hex}`
}
const evict = (name: Name, index: number) => (engine: FaultyEngine) =>
  engine.inner.delete(chunkOf(name, index))
const flip = (key: string) => async (engine: FaultyEngine) => {
  const value = (await engine.inner.get(key, (bytes) => bytes))!
  await engine.inner.set(key, flipped(value, 100))
}
const failWith =
  (error: Error, on = /./) =>
  (engine: FaultyEngine) => {
    engine.get = async (key, prove, options) => {
      if (on.test(key)) throw error
      return engine.inner.get(key, prove, options)
    }
  }
const down = new UnavailableError('down', { retryAfter: 7 })
const bug = new Error('unforeseen')

const failures: Record<string, Failure> = {
  'a name that is not there': { path: '/files/none', status: 404, reason: 'not-found', gets: 1 },
  'a hash that is not there': {
    path: `/blobs/${'0'.repeat(64)}`,
    status: 404,
    reason: 'not-found',
    gets: 2,
  },
  'a small file that is gone': {
    damage: evict('small', 0),
    path: '/files/small',
    status: 404,
    reason: 'evicted',
    gets: 2,
  },
  'a small file that is gone, by hash': {
    damage: evict('small', 0),
    path: byHash('small'),
    status: 404,
    reason: 'evicted',
    gets: 3, // Along with the link, and when the link is known to be there.
  },
  'the first of several chunks': {
    damage: evict('several', 0),
    path: '/files/several',
    status: 404,
    reason: 'evicted',
    gets: 4,
  },
  'the last chunk of a large file': {
    damage: evict('large', 8),
    path: '/files/large',
    status: 404,
    reason: 'evicted',
    gets: 10,
  },
  'a damaged chunk': {
    damage: flip(chunkOf('small', 0)),
    path: '/files/small',
    status: 404,
    reason: 'corrupt',
    gets: 2,
  },
  'a damaged chunk of several': {
    damage: flip(chunkOf('several', 2)),
    path: byHash('several'),
    status: 404,
    reason: 'corrupt',
    gets: 5,
  },
  'a damaged link': {
    damage: flip(keyOf('small')),
    path: '/files/small',
    status: 404,
    reason: 'corrupt',
    gets: 1,
  },
  'a memcached that is down': {
    damage: failWith(down),
    path: '/files/small',
    status: 503,
    reason: 'unavailable',
    gets: 1,
  },
  'a memcached that is down when the chunks are read': {
    damage: failWith(down, /^c:/),
    path: '/files/small',
    status: 503,
    reason: 'unavailable',
    gets: 2,
  },
  'something unforeseen': {
    damage: failWith(bug),
    path: '/files/small',
    status: 500,
    reason: 'internal',
    gets: 1,
  },
  'percent-encoding that is none': {
    path: '/files/%zz',
    status: 400,
    reason: 'bad-request',
    gets: 0,
  },
  'percent-encoding that is cut off': {
    path: '/files/a%',
    status: 400,
    reason: 'bad-request',
    gets: 0,
  },
  'a name that is not UTF-8': { path: '/files/%ff', status: 400, reason: 'bad-request', gets: 0 },
  'a control character': { path: '/files/a%00b', status: 400, reason: 'bad-request', gets: 0 },
  'a name that is too long': {
    path: `/files/${'n'.repeat(1025)}`,
    status: 400,
    reason: 'bad-request',
    gets: 0,
  },
}

/** On a server of its own: reads change what is known, and remove what is wrong. */
async function fail(t: ExecutionContext, { damage, path }: Failure, headers = {}) {
  const engine = new FaultyEngine(memory())
  const isExpected = (error: unknown) => error === bug
  const server = await startTestServer(t, { engine, store, isExpected })
  for (const [name, bytes] of Object.entries(content)) await server.store.put(bytes, { name })
  await damage?.(engine)
  const calls = follow(engine)
  const answer = await ask(server.url + path, { headers })
  t.is(server.store.memoryUsage.used, 0)
  t.regex(String(answer.headers['x-request-id']), /^[0-9a-f-]{36}$/)
  return { answer, gets: calls.filter((call) => call.startsWith('get ')).length }
}

for (const [what, failure] of Object.entries(failures)) {
  const { status, reason } = failure

  test(`a read of ${what} is ${status} ${reason}`, async (t) => {
    const { answer, gets } = await fail(t, failure)
    assertProblem(t, answer, status, reason)
    t.is(answer.headers['retry-after'], reason === 'unavailable' ? '7' : undefined)
    t.is(gets, failure.gets)

    const rush = await fail(t, failure, { 'User-Agent': 'rush 5.100.0' })
    assertProblem(t, rush.answer, reason === 'unavailable' ? 404 : status, reason)
  })
}
