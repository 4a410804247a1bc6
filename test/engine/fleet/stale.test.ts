import test from 'ava'
import { Digest, NotFoundError } from '../../../src/index.ts'
import { connect, holders, startFleet, until } from './harness.ts'

const NAMES = Array.from({ length: 12 }, (_, i) => `name ${i}`)

for (const replicas of [1, 2]) {
  test(`${replicas} copies: a replaced name stays replaced when a server comes back with the old one`, async (t) => {
    const { servers, store } = await startFleet(t, 4, { replicas, timeoutMs: 1000 })
    const other = connect(t, servers, { replicas, timeoutMs: 1000 })
    for (const name of NAMES) await store.put('old', { name })
    const [victim] = servers
    victim!.freeze()
    for (const name of NAMES) await store.put('new', { name })
    victim!.thaw()
    await until('it is back', async () => (await store.engine.stats()).every(({ up }) => up))
    for (let round = 0; round < 5; round++) {
      for (const name of NAMES) {
        t.is(String(await (await store.get(name)).bytes()), 'new')
        t.is(String(await (await other.store.get(name)).bytes()), 'new', 'for others too')
      }
    }
  })

  test(`${replicas} copies: a deleted name stays deleted when a server comes back with it`, async (t) => {
    const { servers, store } = await startFleet(t, 4, { replicas, timeoutMs: 1000 })
    const other = connect(t, servers, { replicas, timeoutMs: 1000 })
    for (const name of NAMES) await store.put('old', { name })
    const [victim] = servers
    victim!.freeze()
    for (const name of NAMES) t.true(await store.delete(name))
    victim!.thaw()
    await until('it is back', async () => (await store.engine.stats()).every(({ up }) => up))
    for (let round = 0; round < 5; round++) {
      for (const name of NAMES) {
        await t.throwsAsync(store.get(name), { instanceOf: NotFoundError })
        await t.throwsAsync(other.store.get(name), { instanceOf: NotFoundError })
      }
    }
    for (const name of NAMES) {
      await store.put('again', { name })
      t.is(String(await (await other.store.get(name)).bytes()), 'again')
    }
  })
}

test('an outdated copy does not win over one that is gone', async (t) => {
  const { servers, store } = await startFleet(t, 4, { replicas: 2 })
  const key = (name: string) => `n:${Digest.of(Buffer.from(name)).hex}`
  for (const name of NAMES) await store.put('new', { name })
  const other = connect(t, servers, { replicas: 2 })
  for (const name of NAMES) {
    const [outdated, emptied] = await holders(servers, key(name))
    const now = await outdated!.raw.get(key(name))
    await store.put('newer', { name })
    await outdated!.raw.set(key(name), now!)
    await emptied!.raw.delete(key(name))
  }
  for (const name of NAMES) {
    t.is(String(await (await other.store.get(name)).bytes()), 'newer')
  }
})

test('a link that is written again keeps the life it has left', async (t) => {
  const { servers, engine, store } = await startFleet(t, 3, { replicas: 2 })
  const { hash } = await store.put('content', { ttl: 1000 })
  const key = `h:${hash}`
  const [lost] = await holders(servers, key)
  await lost!.raw.delete(key)
  await until('the link is whole', async () => {
    await store.get(hash)
    return (await holders(servers, key)).length === 3
  })
  const ttl = await lost!.raw.ttl(key)
  t.true(ttl! > 900 && ttl! <= 1000, `${ttl}`)
  t.is(await engine.delete(key), true)
  t.deepEqual(await holders(servers, key), [])
})

test('a deleted link leaves nothing behind while all servers answer', async (t) => {
  const { servers, store } = await startFleet(t, 3, { replicas: 2 })
  await store.put('content', { name: 'name' })
  const keys = async () => (await Promise.all(servers.map(({ raw }) => raw.keys()))).flat()
  t.is((await keys()).filter((key) => key.startsWith('n:')).length, 3)
  t.true(await store.delete('name'))
  t.deepEqual(
    (await keys()).filter((key) => key.startsWith('n:')),
    [],
  )
})
