import test from 'ava'
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
const STATUS: Record<string, number> = { unavailable: 503, internal: 500 }
const keyOf = (name: string) => `n:${Digest.of(Buffer.from(name)).hex}`

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

const NOTHING = '0'.repeat(64)

/** The path, the reason, how many keys are asked for, and what is done to the engine before. */
const failures: Record<string, [string, string, number, ((engine: FaultyEngine) => unknown)?]> = {
  'a name that is not there': ['/files/none', 'not-found', 1],
  'a hash that is not there': [`/blobs/${NOTHING}`, 'not-found', 2],
  'a small file that is gone': ['/files/small', 'evicted', 2, evict('small', 0)],
  // Along with the link, and when the link is known to be there.
  'a small file that is gone, by hash': [byHash('small'), 'evicted', 3, evict('small', 0)],
  'the first of several chunks': ['/files/several', 'evicted', 4, evict('several', 0)],
  'the last chunk of a large file': ['/files/large', 'evicted', 10, evict('large', 8)],
  'a damaged chunk': ['/files/small', 'corrupt', 2, flip(chunkOf('small', 0))],
  'a damaged chunk of several': [byHash('several'), 'corrupt', 5, flip(chunkOf('several', 2))],
  'a damaged link': ['/files/small', 'corrupt', 1, flip(keyOf('small'))],
  'a memcached that is down': ['/files/small', 'unavailable', 1, failWith(down)],
  'chunks whose memcached is down': ['/files/small', 'unavailable', 2, failWith(down, /^c:/)],
  'something unforeseen': ['/files/small', 'internal', 1, failWith(bug)],
}

for (const [what, [path, reason, gets, damage]] of Object.entries(failures)) {
  const status = STATUS[reason] ?? 404

  test(`a read of ${what} is ${status} ${reason}, after ${gets} looks`, async (t) => {
    for (const [agent, expected] of [
      ['test', status],
      ['rush 5.100.0', reason === 'unavailable' ? 404 : status],
    ] as const) {
      const engine = new FaultyEngine(memory())
      const isExpected = (error: unknown) => error === bug
      const server = await startTestServer(t, { engine, store, isExpected })
      for (const [name, bytes] of Object.entries(content)) await server.store.put(bytes, { name })
      await damage?.(engine)
      const calls = follow(engine)
      const answer = await ask(server.url + path, { headers: { 'User-Agent': agent } })
      assertProblem(t, answer, expected, reason)
      t.is(answer.headers['retry-after'], expected === 503 ? '7' : undefined)
      t.regex(String(answer.headers['x-request-id']), /^[0-9a-f-]{36}$/)
      t.is(calls.filter((call) => call.startsWith('get ')).length, gets)
      t.is(server.store.memoryUsage.used, 0)
    }
  })
}
