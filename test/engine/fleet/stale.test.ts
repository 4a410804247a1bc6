import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Digest, NotFoundError } from '../../../src/index.ts'
import { Keys } from '../../../src/store/records/keys.ts'
import { decodeLink, encodeLink } from '../../../src/store/records/link.ts'
import { linksOf } from '../../../src/store/records/links-of.ts'
import { Sealer } from '../../../src/store/records/seal.ts'
import { manifestOf } from '../../helpers/records.ts'
import { connect, holders, startFleet, until } from './harness.ts'

const keyOf = (name: string) => `n:${Digest.of(Buffer.from(name)).hex}`
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
  for (const name of NAMES) await store.put('new', { name })
  const other = connect(t, servers, { replicas: 2 })
  for (const name of NAMES) {
    const [outdated, emptied] = await holders(servers, keyOf(name))
    const now = await outdated!.raw.get(keyOf(name))
    await store.put('newer', { name })
    await outdated!.raw.set(keyOf(name), now!)
    await emptied!.raw.delete(keyOf(name))
  }
  for (const name of NAMES) {
    t.is(String(await (await other.store.get(name)).bytes()), 'newer')
  }
})

test('what a name led to before does not come back when its successor has ended', async (t) => {
  const { servers, store } = await startFleet(t, 4, { replicas: 2 })
  const other = connect(t, servers, { replicas: 2 })
  for (const name of NAMES) {
    await store.put('lasting', { name })
    const own = await holders(servers, keyOf(name))
    const record = (await own[0]!.raw.get(keyOf(name)))!
    const standIn = servers.find((server) => !own.includes(server))!
    await store.put('short', { name, ttl: 2 })
    await standIn.raw.set(keyOf(name), record)
    await own[0]!.raw.set(keyOf(name), record)
  }
  await sleep(3500)
  for (let round = 0; round < 3; round++) {
    for (const name of NAMES) {
      await t.throwsAsync(store.get(name), { instanceOf: NotFoundError })
      await t.throwsAsync(other.store.get(name), { instanceOf: NotFoundError })
    }
  }
  await store.put('again', { name: NAMES[0]!, createOnly: true })
  t.is(String(await (await other.store.get(NAMES[0]!)).bytes()), 'again')
})

test('a deleted name stays deleted although a repair of it is on its way from another process', async (t) => {
  const { servers, store } = await startFleet(t, 3, { replicas: 2 })
  const [victim, source] = servers
  for (const name of NAMES) await store.put('content', { name })
  await victim!.restart()
  for (const name of NAMES) {
    const record = (await source!.raw.get(keyOf(name)))!
    t.true(await store.delete(name))
    await victim!.raw.add(keyOf(name), record)
  }
  for (let round = 0; round < 3; round++) {
    for (const name of NAMES) await t.throwsAsync(store.get(name), { instanceOf: NotFoundError })
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

test('asking for content by hash gives each copy of its link its whole life again', async (t) => {
  const { servers, engine, store } = await startFleet(t, 3, { replicas: 2 })
  const { hash } = await store.put('content')
  const key = `h:${hash}`
  const manifest = manifestOf(Buffer.from('content'), 1000)
  const start = Date.now()
  const old = { manifest, storedAt: start - 900_000, ttl: 1000 }
  for (const { raw } of servers) await raw.set(key, encodeLink(old, key, new Sealer()))
  t.deepEqual(await connect(t, servers, { replicas: 2 }).store.missing([hash]), [])
  for (const { raw } of servers) {
    const { storedAt, ttl } = decodeLink((await raw.get(key))!, key, new Sealer())!
    t.is(ttl, 1000)
    t.true(storedAt >= start)
  }
  const links = linksOf(engine, new Keys(), new Sealer())
  t.true(await store.delete(hash))
  t.false(await links.renew({ hash: Digest.parse(hash) }, old), 'it is deleted since')
  await t.throwsAsync(store.get(hash), { instanceOf: NotFoundError })
})

test('a deleted link leaves a tombstone for minutes only while all servers answer', async (t) => {
  const { servers, store } = await startFleet(t, 3, { replicas: 2 })
  await store.put('content', { name: 'name' })
  const lives = () => Promise.all(servers.map(({ raw }) => raw.ttl(keyOf('name'))))
  t.deepEqual(await lives(), [-1, -1, -1])
  t.true(await store.delete('name'))
  for (const ttl of await lives()) t.true(ttl! > 500 && ttl! <= 600, `${ttl}`)
  await t.throwsAsync(store.get('name'), { instanceOf: NotFoundError })
  t.false(await store.delete('name'), 'a tombstone is nothing to delete')
  t.true((await store.put('content', { name: 'name' })).created)
  t.false((await store.put('content', { name: 'name' })).created)
  const { hash } = await store.put('content')
  t.true(await store.delete(hash))
  t.true((await store.put('content')).created)
})

test('a name stays deleted for those who have one more server', async (t) => {
  const { servers, store } = await startFleet(t, 4, { replicas: 1 })
  const others = connect(t, servers.slice(1), { replicas: 1 })
  for (const name of NAMES) await store.put('content', { name })
  for (const name of NAMES) await others.store.delete(name).catch(() => {})
  for (const name of NAMES) await t.throwsAsync(store.get(name), { instanceOf: NotFoundError })
})
