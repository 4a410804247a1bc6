import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { Digest, FileStore, MemcachedFleet } from '../../../src/index.ts'
import { FaultProxy } from '../../helpers/fault-proxy.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { until } from '../../helpers/watchdog.ts'

const KEY = `n:${Digest.of(Buffer.from('a')).hex}`
const isTombstone = (bytes: Buffer) => bytes.includes('blbd')

/** Three servers behind proxies, and the stores that reach them, one copy of each chunk and two of each link. */
async function setup(t: ExecutionContext, timeoutMs: number) {
  const caches = await Promise.all([1, 2, 3].map(() => startMemcached(t)))
  const proxies = await Promise.all(caches.map(({ address }) => FaultProxy.start(t, address)))
  const servers = proxies.map(({ address }) => address)
  const newStore = () => {
    const options = { replicas: 1, timeoutMs, connectTimeoutMs: 10_000 }
    const engine = new MemcachedFleet(servers, options)
    const store = new FileStore(engine)
    t.teardown(() => store.close())
    return { engine, store }
  }
  const holders = async () =>
    Promise.all(caches.map(async ({ raw }) => (await raw.get(KEY)) !== undefined))
  return { caches, proxies, newStore, holders }
}

const textOf = async (store: FileStore) => (await store.get('a')).text()

test('what a refused write has left on a stand-in undoes no conditional write', async (t) => {
  const { caches, proxies, newStore, holders } = await setup(t, 1500)
  const { store, engine } = newStore()
  await store.put('old', { name: 'a' })
  const before = await holders()
  for (const [i, proxy] of proxies.entries()) {
    // Links are longer than 150 bytes; looks at them are not.
    proxy.toServer = (bytes, _link, forward) => {
      if (!before[i] || !bytes.includes(KEY) || bytes.length <= 150) forward(bytes)
    }
  }
  await t.throwsAsync(store.put('refused', { name: 'a' }), { code: 'unavailable' })
  t.deepEqual(await holders(), [true, true, true])
  for (const proxy of proxies) proxy.heal()
  const areUp = async () => (await engine.stats()).every(({ up }) => up)
  await until('all servers to be up', areUp)
  const precondition = () => store.find('a')
  await until('a conditional write', () =>
    store.put('conditional', { name: 'a', precondition }).then(
      () => true,
      () => false,
    ),
  )
  await caches[engine.placesOf(KEY)[0]!]!.stop('SIGKILL')
  // The only copy of its chunk may be gone.
  const { hash } = await newStore().store.find('a')
  t.is(hash, Digest.of(Buffer.from('conditional')).hex)
})

for (const createOnly of [true, false]) {
  test(`a server that fails during a deletion of one file costs no other file, createOnly: ${createOnly}`, async (t) => {
    const { caches, proxies, newStore, holders } = await setup(t, 3000)
    const { store, engine } = newStore()
    await store.put('old', { name: 'a' })
    const only = await store.find('a')
    await engine.stats()
    const own = proxies.map(({ count }) => count)
    const other = newStore().store
    await textOf(other)
    const [first] = engine.placesOf(KEY)
    const second = (await holders()).findIndex((hasIt, i) => hasIt && i !== first)
    proxies[second]!.toServer = (bytes, { index }, forward) => {
      if (index >= own[second]! || !isTombstone(bytes)) forward(bytes)
    }
    const deletion = store.delete('a', { only })
    await until('the first tombstone', async () => {
      const value = await caches[first!]!.raw.get(KEY)
      return value !== undefined && isTombstone(value)
    })
    await other.put('new', { name: 'a', createOnly })
    t.true(await deletion)
    proxies[second]!.heal()
    // What was left out of a connection breaks it sooner or later.
    for (const reader of [store, other]) {
      let text: string | undefined
      await until('an answer', async () => {
        text = await textOf(reader).catch(({ code }) => (code === 'unavailable' ? undefined : code))
        return text !== undefined
      })
      t.is(text, 'new')
    }
  })
}

test('a create-only upload is newer than what is known, which all servers have lost', async (t) => {
  const { caches, newStore } = await setup(t, 3000)
  const { store, engine } = newStore()
  await store.put('old', { name: 'a' })
  const { storedAt } = await store.find('a')
  const ahead = new Date(storedAt.getTime() + 3_600_000)
  const now = Date.now
  Date.now = () => ahead.getTime()
  await store.put('ahead', { name: 'a' })
  Date.now = now
  await Promise.all(caches.map((cache) => cache.restart()))
  await until('all servers to be up', async () => (await engine.stats()).every(({ up }) => up))
  await sleep(100)
  const put = () => store.put('new', { name: 'a', createOnly: true }).catch(() => undefined)
  await until('the upload', async () => (await put()) !== undefined)
  t.is(await textOf(store), 'new')
  await t.throwsAsync(store.put('newer', { name: 'a', createOnly: true }), { code: 'exists' })
})
