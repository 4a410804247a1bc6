import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { Digest, FileStore, MemcachedFleet, memcached } from '../../src/index.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { Random } from '../helpers/random.ts'
import { until } from '../helpers/watchdog.ts'

const ROUNDS = 20
/** Where a machine is so busy that a server counts as down for one store alone, two writes may be made. */
const PATIENT = { timeoutMs: 10_000, connectTimeoutMs: 10_000 }
const WRITERS = [0, 1, 2, 3, 4, 5]

/** Two stores with connections of their own, as in two processes. */
async function twoStores(t: ExecutionContext, replicas: number) {
  const servers = replicas === 0 ? 1 : 3
  const caches = await Promise.all(Array.from({ length: servers }, () => startMemcached(t)))
  const addresses = caches.map(({ address }) => address)
  const stores = [1, 2].map(() => {
    const isOne = replicas === 0
    const engine = isOne
      ? memcached(addresses[0]!, PATIENT)
      : new MemcachedFleet(addresses, { replicas, ...PATIENT })
    const store = new FileStore(engine)
    t.teardown(() => store.close())
    return store
  })
  return { caches, first: stores[0]!, second: stores[1]!, stores }
}

/** Runs one write for each writer at once; returns the numbers of those that were acknowledged. */
async function race(stores: readonly FileStore[], write: (store: FileStore, i: number) => unknown) {
  const results = await Promise.allSettled(WRITERS.map((i) => write(stores[i % 2]!, i)))
  return WRITERS.filter((i) => results[i]!.status === 'fulfilled')
}

for (const [what, replicas] of [
  ['one memcached', 0],
  ['a fleet', 1],
  ['a fleet with copies', 2],
] as const) {
  test(`${what}: of those who create a name that was deleted, one does`, async (t) => {
    const { first, stores } = await twoStores(t, replicas)
    for (let round = 0; round < ROUNDS; round++) {
      const name = `round ${round}`
      await first.put('old', { name })
      await first.delete({ name })
      const create = (store: FileStore, i: number) => store.put(`${i}`, { name, createOnly: true })
      const winners = await race(stores, create)
      t.is(winners.length, 1, name)
      t.is(await (await first.get(name)).text(), `${winners[0]}`)
    }
  })

  test(`${what}: of those who replace the same content, one does`, async (t) => {
    const { first, stores } = await twoStores(t, replicas)
    for (let round = 0; round < ROUNDS; round++) {
      const name = `round ${round}`
      const { hash } = await first.put('old', { name })
      const winners = await race(stores, (store, i) =>
        store.put(`${round} ${i}`, {
          name,
          precondition: async () => {
            if ((await store.find(name)).hash !== hash) throw new Error('it is another one')
          },
        }),
      )
      t.is(winners.length, 1, name)
      t.is(await (await first.get(name)).text(), `${round} ${winners[0]}`)
    }
  })

  test(`${what}: what is deleted once it was checked is not replaced`, async (t) => {
    const { first } = await twoStores(t, replicas)
    const { hash } = await first.put('old', { name: 'a' })
    let asks = 0
    const precondition = async () => {
      if ((await first.find('a')).hash !== hash) throw new Error('it is another one')
      if (++asks === 2) await first.delete('a')
    }
    await t.throwsAsync(first.put('new', { name: 'a', precondition }), { code: 'not-found' })
    await t.throwsAsync(first.get('a'), { code: 'not-found' })
  })

  test(`${what}: whose condition still holds tries again`, async (t) => {
    const { first, stores } = await twoStores(t, replicas)
    const precondition = () => Promise.resolve()
    const name = 'a'
    const winners = await race(stores, (store, i) => store.put(`${i}`, { name, precondition }))
    t.deepEqual(winners, WRITERS)
    t.true(WRITERS.map(String).includes(await (await first.get(name)).text()))
  })

  test(`${what}: what is stored while another file is deleted stays`, async (t) => {
    const { first, second } = await twoStores(t, replicas)
    const random = new Random(7)
    for (let round = 0; round < 5 * ROUNDS; round++) {
      const name = `name ${round % 3}`
      await first.put(`old ${round}`, { name })
      const only = await first.find(name)
      await Promise.all([
        sleep(random.below(3)).then(() => first.delete(name, { only })),
        sleep(random.below(3)).then(() => second.put(`new ${round}`, { name })),
      ])
      t.is(await (await first.get(name)).text(), `new ${round}`)
    }
  })
}

test('what is outdated on all servers keeps none from taking its place', async (t) => {
  const { caches, first } = await twoStores(t, 2)
  const key = `n:${Digest.of(Buffer.from('a')).hex}`
  await first.put('old', { name: 'a' })
  const { storedAt } = await first.find('a')
  const outdated = await caches[0]!.raw.get(key)
  await until('another millisecond', () => Date.now() > storedAt.getTime() + 1)
  await first.put('new', { name: 'a' })
  const writes: Record<string, () => Promise<unknown>> = {
    'create-only': () => first.put('create-only', { name: 'a', createOnly: true }),
    conditional: () => first.put('conditional', { name: 'a', precondition: async () => {} }),
    filled: () => first.getOrPut('a', async () => 'filled'),
  }
  for (const [content, write] of Object.entries(writes)) {
    for (const { raw } of caches) await raw.set(key, outdated!)
    await t.throwsAsync(first.get('a'), { code: 'not-found' })
    await write()
    t.is(await (await first.get('a')).text(), content)
  }
})
