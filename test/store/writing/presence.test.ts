import test from 'ava'
import pMap from 'p-map'
import { FileStore, memcached, memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { deferred, turns } from '../../helpers/deferred.ts'
import { FaultyEngine, hold } from '../../helpers/faulty-engine.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { until, watched } from '../../helpers/watchdog.ts'

test('however many large files are looked for at once, they are not too many for memcached’s line', async (t) => {
  const { address } = await startMemcached(t)
  // All 40 files have 300 chunks: without a bound for all of them, 5,000 requests and more would wait.
  const engine = memcached(address, { maxQueuedRequests: 1000 })
  const store = new FileStore(engine, { chunkSize: 100 })
  t.teardown(() => store.close())
  const numbers = Array.from({ length: 40 }, (_, index) => index)
  const put = async (index: number) => (await store.put(bytes(index, 30_000))).hash
  const hashes = await pMap(numbers, put, { concurrency: 2 })
  t.deepEqual(await store.missing(hashes), [])
  const probes = hashes.map(async (hash) => (await store.find({ hash })).probe())
  await Promise.all(probes)
  t.true((await Promise.all(hashes.map((hash) => store.isReadable({ hash })))).every(Boolean))
})

test('an abort ends the wait for chunks that nobody answers for', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine, { chunkSize: 100 })
  const { hash } = await store.put(bytes('content', 300_000))
  const file = await store.find({ hash })
  const { gate, asked } = hold(engine, { operation: 'touch' })
  const [first, second] = [new AbortController(), new AbortController()]
  const probes = [first, second].map(({ signal }) => file.probe(signal))
  await asked.promise
  await turns(10)
  first.abort(new Error('enough'))
  await t.throwsAsync(watched('aborted', probes[0]!), { message: 'enough' })
  gate.resolve()
  await watched('the other one', probes[1]!)
})

test('a small file does not wait for all the chunks of large ones', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine, { chunkSize: 100 })
  const put = async (size: number) => store.find(await store.put(bytes(`${size}`, size)))
  const large = await Promise.all(Array.from({ length: 20 }, (_, i) => put(200_000 + i)))
  const small = await put(200)
  const touches: (() => void)[] = []
  const touch = engine.touch
  engine.touch = async (key, ttl) => {
    await new Promise<void>((resolve) => touches.push(resolve))
    return touch(key, ttl)
  }
  const probes = large.map((file) => file.probe())
  await turns()
  let isDone = false
  const last = small.probe().then(() => {
    isDone = true
  })
  let answered = 0
  while (!isDone) {
    await turns()
    for (const answer of touches.splice(0)) {
      answer()
      answered++
    }
  }
  t.true(answered < 10_000, `${answered} of 40,000 were answered before`)
  await last
  engine.touch = touch
  for (const answer of touches.splice(0)) answer()
  await Promise.all(probes)
})

test('one list of many large files is looked at, whatever the memory', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 1000, memory: { total: 1024 * 1024 } })
  const numbers = Array.from({ length: 64 }, (_, index) => index)
  const put = async (index: number) => (await store.put(bytes(index, 150_000))).hash
  const hashes = await pMap(numbers, put, { concurrency: 2 })
  t.deepEqual(await store.missing(hashes), [])
})

test('invariant 7: of many looks at large files some are under way, few wait, and no more', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine, { chunkSize: 100, memory: { total: 32 * 1024 * 1024 } })
  await store.put(bytes('large', 100_000), { name: 'a' })
  const gate = deferred()
  engine.touch = (key, ttl) => gate.promise.then(() => engine.inner.touch(key, ttl))
  const looks = Promise.allSettled(
    Array.from({ length: 120 }, async () => (await store.find('a')).probe()),
  )
  await until('some to wait', () => store.memoryUsage.waiting > 0)
  gate.resolve()
  const refused = (await looks).filter(({ status }) => status === 'rejected')
  t.is(refused.length, 120 - 16 - 64)
  for (const look of refused) t.is(look.status === 'rejected' && look.reason.code, 'unavailable')
  t.is(store.memoryUsage.used, 0)
  await t.notThrowsAsync((await store.find('a')).probe())
})
