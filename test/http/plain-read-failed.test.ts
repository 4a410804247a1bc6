import test, { type ExecutionContext } from 'ava'
import { Digest, memory, UnavailableError } from '../../src/index.ts'
import { askBothWays, WAYS, type Way } from '../helpers/both-ways.ts'
import { bytes } from '../helpers/bytes.ts'
import { flipped } from '../helpers/engines.ts'
import { FaultyEngine } from '../helpers/faulty-engine.ts'
import { type Answer, ask } from '../helpers/http.ts'
import { startTestServer } from '../helpers/server.ts'

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

/** All but what differs from one request to the next. */
function essence({ status, headers, text }: Answer) {
  const { date, 'x-request-id': id, ...rest } = headers
  return { status, headers: rest, text }
}

/** A server of its own: reads change what is known, and remove what is wrong. */
async function fail(t: ExecutionContext, way: Way, { damage, path }: Failure, headers = {}) {
  const engine = new FaultyEngine(memory())
  const isExpected = (error: unknown) => error === bug
  const server = await startTestServer(t, { engine, store, isExpected })
  for (const [name, bytes] of Object.entries(content)) await server.store.put(bytes, { name })
  await damage?.(engine)
  let gets = 0
  const { get } = engine
  engine.get = (key, prove, options) => {
    gets++
    return get(key, prove, options)
  }
  const answer = await ask(server.url + path + WAYS[way], { headers })
  t.is(server.store.memoryUsage.used, 0)
  t.regex(String(answer.headers['x-request-id']), /^[0-9a-f-]{36}$/)
  return { ...essence(answer), gets }
}

for (const [what, failure] of Object.entries(failures)) {
  test(`${what}: the same problem with and without Koa, after the same looks`, async (t) => {
    const plain = await fail(t, 'plain', failure)
    const koa = await fail(t, 'koa', failure)
    t.deepEqual(plain, koa)
    t.is(plain.status, failure.status)
    t.like(JSON.parse(plain.text), { reason: failure.reason })
    t.is(plain.headers['cache-status'], `blobcached; detail=${failure.reason}`)
    t.is(plain.gets, failure.gets)
  })

  test(`${what}: Rush is told alike with and without Koa`, async (t) => {
    const rush = { 'User-Agent': 'rush 5.100.0' }
    const plain = await fail(t, 'plain', failure, rush)
    t.deepEqual(plain, await fail(t, 'koa', failure, rush))
    t.is(plain.status, failure.reason === 'unavailable' ? 404 : failure.status)
  })
}

const access = { tokens: ['writer'], readTokens: ['reader'] }
const refusals: [string, string | undefined, boolean, number][] = [
  ['no token', undefined, false, 401],
  ['an unknown token', 'Bearer guess', false, 401],
  ['a scheme that is none', 'writer', false, 401],
  ['a token to read with', 'Bearer reader', false, 200],
  ['a token to write with', 'bearer writer', false, 200],
  ['a token as password', `Basic ${Buffer.from('x:reader').toString('base64')}`, false, 200],
  ['no token where anyone reads', undefined, true, 200],
]
for (const [what, token, publicRead, status] of refusals) {
  test(`${what} is ${status} with and without Koa`, async (t) => {
    const engine = new FaultyEngine(memory())
    const server = await startTestServer(t, { engine, access: { ...access, publicRead } })
    const { hash } = await server.store.put('content', { name: 'f' })
    let gets = 0
    engine.get = (key, prove, options) => {
      gets++
      return engine.inner.get(key, prove, options)
    }
    for (const path of ['/files/f', '/files/none', `/blobs/${hash}`]) {
      const headers = token === undefined ? {} : { Authorization: token }
      const { plain, koa } = await askBothWays(server.url + path, headers)
      t.is(plain.status, status === 200 && path === '/files/none' ? 404 : status)
      t.deepEqual(essence(plain), essence(koa), path)
    }
    if (status === 401) t.is(gets, 0, 'nothing is looked at for who may not see it')
  })
}
