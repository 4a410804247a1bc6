import test, { type ExecutionContext } from 'ava'
import { Digest, FileStore, memcached, memory, UnavailableError } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { deferred } from '../../helpers/deferred.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { type Memcached, startMemcached } from '../../helpers/memcached.ts'
import { until, watched } from '../../helpers/watchdog.ts'

const content = bytes('content', 2_000_000)

function storeOn(t: ExecutionContext, ...servers: Memcached[]): FileStore {
  const replicas = Math.min(2, servers.length)
  const addresses = servers.map(({ address }) => address).join(',')
  const store = new FileStore(
    memcached(addresses, { timeoutMs: 1000, connectTimeoutMs: 1000, replicas }),
  )
  t.teardown(() => store.close())
  return store
}

/** Of the file `a`. */
const LEASE = `ln:${Digest.of(Buffer.from('a')).hex}`
const isLeased = async (cache: Memcached) => (await cache.raw.get(LEASE)) !== undefined

for (const [what, end] of [
  ['stopped', (cache: Memcached) => cache.stop('SIGKILL')],
  ['frozen', async (cache: Memcached) => cache.freeze()],
] as const) {
  test(`memcached is ${what}: an error, or what is produced, unstored`, async (t) => {
    const cache = await startMemcached(t)
    const store = storeOn(t, cache)
    await store.ready()
    await end(cache)
    let calls = 0
    const produce = () => {
      calls++
      return { source: content, type: 'text/plain' }
    }
    await t.throwsAsync(store.getOrPut('a', produce), { code: 'unavailable' })
    t.is(calls, 0)
    const options = { onUnavailable: 'produce' } as const
    const files = await Promise.all([1, 2, 3].map(() => store.getOrPut('a', produce, options)))
    for (const file of files) {
      t.is(file.type, 'text/plain')
      t.true(content.equals(await file.bytes()))
    }
    t.true(calls >= 1 && calls <= 3)
    const reasons: string[] = []
    const streamed = ({ reason }: { reason: string }) => {
      reasons.push(reason)
      return [content]
    }
    const unstored = await store.fill('a', streamed, options)
    t.is(unstored.outcome, 'unstored')
    t.deepEqual(reasons, ['unavailable'])
    t.true(content.equals(await unstored.file.bytes()))
    t.is(
      await store.getOrPut('a', produce, {
        ...options,
        read: async (file) => (await file.bytes()).length,
      }),
      content.length,
    )
  })

  test(`memcached is ${what} while a file is produced`, async (t) => {
    const cache = await startMemcached(t)
    const store = storeOn(t, cache)
    let calls = 0
    const produce = async () => {
      if (++calls === 1) await end(cache)
      return [content]
    }
    const [plain, tolerant] = await Promise.allSettled([
      store.getOrPut('a', produce),
      store.getOrPut('a', produce, { onUnavailable: 'produce' }),
    ])
    t.like(plain, { status: 'rejected', reason: { code: 'unavailable' } })
    if (tolerant.status === 'rejected') return t.fail(tolerant.reason)
    t.true(content.equals(await tolerant.value.bytes()))
    t.is(calls, 2)
  })
}

test('memcached goes away between the two looks: nothing is produced for those who take stored files alone', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine)
  const add = engine.add
  engine.add = (...args) => {
    engine.get = async () => {
      throw new UnavailableError('it is away')
    }
    return add(...args)
  }
  await t.throwsAsync(
    store.fill('a', () => t.fail() as never),
    { code: 'unavailable', message: 'it is away' },
  )
})

test('memcached is away: callers wait for one stream, which only the first can read, and for no other', async (t) => {
  const cache = await startMemcached(t)
  const store = storeOn(t, cache)
  await cache.stop('SIGKILL')
  const gates = [deferred(), deferred()] as const
  let calls = 0
  const produce = async () => {
    await gates[++calls === 1 ? 0 : 1].promise
    return [content]
  }
  const ask = async () => (await store.getOrPut('a', produce, { onUnavailable: 'produce' })).bytes()
  const asking = [1, 2, 3].map(ask)
  await until('it is produced', () => calls === 1)
  gates[0].resolve()
  await until('the others produce it, each for itself', () => calls === 3)
  gates[1].resolve()
  for (const file of await Promise.all(asking)) t.true(content.equals(file))
})

test('memcached is restarted while a file is produced: the lease is taken anew, and the file is stored', async (t) => {
  t.timeout(60_000)
  const cache = await startMemcached(t)
  const [store, other] = [storeOn(t, cache), storeOn(t, cache)]
  const gate = deferred()
  let calls = 0
  const produce = async () => {
    calls++
    await gate.promise
    return content
  }
  const first = store.getOrPut('a', produce)
  await until('it is produced', () => calls === 1)
  await cache.restart()
  await until('the lease is taken anew', () => isLeased(cache), 100)
  const second = other.getOrPut('a', produce)
  gate.resolve()
  t.true(content.equals(await (await first).bytes()))
  t.true(content.equals(await (await second).bytes()))
  t.is(calls, 1)
})

test('memcached is restarted while a stream is stored: all who wait share one more', async (t) => {
  const cache = await startMemcached(t)
  const store = storeOn(t, cache)
  const gate = deferred()
  let calls = 0
  async function* stream() {
    const isFirst = ++calls === 1
    yield content.subarray(0, 1_500_000)
    if (isFirst) await gate.promise
    yield content.subarray(1_500_000)
  }
  const options = { onUnavailable: 'produce' } as const
  const ask = async () => (await store.getOrPut('a', stream, options)).bytes()
  const asking = Array.from({ length: 20 }, ask)
  await until('a chunk is stored', async () => (await cache.raw.stats()).curr_items! > '1')
  await cache.restart()
  gate.resolve()
  for (const file of await watched('all files', Promise.all(asking))) t.true(content.equals(file))
  t.is(calls, 2)
  t.is((await store.find('a')).size, content.length)
})

test('a lease outlives its time while its holder works, and belongs to its holder', async (t) => {
  t.timeout(60_000)
  const cache = await startMemcached(t)
  const store = storeOn(t, cache)
  const gate = deferred()
  const filling = store.getOrPut('a', () => gate.promise.then(() => content))
  await until('it is leased', () => isLeased(cache))
  let least = 11
  await until(
    'it is renewed',
    async () => {
      const left = (await cache.raw.ttl(LEASE))!
      t.true(left <= 10)
      if (left > least) return true
      least = left
      return false
    },
    100,
  )
  const theirs = Buffer.from('the token of another process')
  await cache.raw.set(LEASE, theirs, 60)
  gate.resolve()
  await filling
  await store.close()
  t.deepEqual(await cache.raw.get(LEASE), theirs)
})

test('a store that is closed releases its leases', async (t) => {
  const cache = await startMemcached(t)
  const store = storeOn(t, cache)
  const never = () => new Promise<string>(() => {})
  const producing = store.getOrPut('a', never)
  await until('it is leased', () => isLeased(cache))
  const other = storeOn(t, cache)
  const waiting = other.getOrPut('a', () => t.fail() as never)
  await until('the other has looked', async () => (await cache.raw.stats()).cmd_set! > '1')
  await Promise.all([
    t.throwsAsync(waiting, { code: 'unavailable', message: /closed/ }),
    other.close(),
  ])
  await Promise.all([
    t.throwsAsync(producing, { code: 'unavailable', message: /closed/ }),
    store.close(),
  ])
  t.false(await isLeased(cache))
})

test('a store that is closed ends what it produces for one caller alone', async (t) => {
  const store = new FileStore(memory())
  let calls = 0
  const produce = async () => {
    if (++calls === 2) await new Promise(() => {})
    return { source: [content], store: false }
  }
  const asking = [1, 2].map(() => store.fill('a', produce))
  await until('it is produced for the second', () => calls === 2)
  await store.close()
  const [first, second] = await Promise.allSettled(asking)
  t.like(first, { status: 'fulfilled', value: { outcome: 'unstored' } })
  t.like(second, { status: 'rejected', reason: { code: 'unavailable' } })
})

test('of several memcacheds, any one may be away', async (t) => {
  t.timeout(120_000)
  const caches = await Promise.all([1, 2, 3].map(() => startMemcached(t)))
  const [one, two] = [storeOn(t, ...caches), storeOn(t, ...caches)]
  await Promise.all([one.ready(), two.ready()])
  for (const [index, cache] of caches.entries()) {
    let calls = 0
    const gate = deferred()
    const produce = async () => {
      calls++
      await gate.promise
      return content
    }
    const name = `while ${index} is away`
    await cache.stop('SIGKILL')
    const fillings = [one, two, one, two].map((store) => store.getOrPut(name, produce))
    await until('it is produced', () => calls > 0)
    gate.resolve()
    for (const file of await watched(name, Promise.all(fillings))) {
      t.true(content.equals(await file.bytes()))
    }
    t.true(calls <= 2)
    await cache.start()
    await until('it is back', async () => (await one.engine.stats()).every(({ up }) => up))
    await until('it is back for the other', async () =>
      (await two.engine.stats()).every(({ up }) => up),
    )
  }
})

test('of several memcacheds, a stale file is served and renewed as of one', async (t) => {
  const caches = await Promise.all([1, 2, 3].map(() => startMemcached(t)))
  const store = storeOn(t, ...caches)
  const times = { ttl: 1, staleFor: 3600 }
  for (const version of ['one', 'two']) {
    await store.put(version, { name: 'a', ...times })
  }
  await until(
    'its time is over',
    () =>
      store.find('a').then(
        () => false,
        () => true,
      ),
    50,
  )
  const { outcome, file } = await store.fill('a', () => 'three', { ttl: 3600 })
  t.is(outcome, 'stale')
  t.is(await file.text(), 'two')
  await until('it is renewed', async () => (await store.fill('a', () => 'four')).outcome === 'hit')
  t.is(await (await store.get('a')).text(), 'three')
})
