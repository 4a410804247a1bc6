import test from 'ava'
import { InvalidArgumentError } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { exactly, holders, startFleet, until } from './harness.ts'

const KEYS = Array.from({ length: 300 }, (_, i) => `key${i}`)
const contentOf = (key: string) => bytes(key, 2000)

for (const replicas of [1, 2]) {
  test(`${replicas} copies: a fifth server takes a fifth of the keys under load, and nobody misses one`, async (t) => {
    const { servers, engine } = await startFleet(t, 4, { replicas })
    for (const key of KEYS) await engine.set(key, contentOf(key))
    let isOver = false
    let reads = 0
    const read = async (key: string) => {
      t.deepEqual(await engine.get(key, exactly(contentOf(key))), contentOf(key), key)
      reads++
    }
    const reading = (async () => {
      while (!isOver) for (const key of KEYS) await read(key)
    })()
    const fifth = await startMemcached(t, { memoryMb: 64 })
    const before = reads
    engine.setAddresses([...servers, fifth].map(({ address }) => address))
    let took = 0
    engine.observe({
      operation: (server, operation, outcome) => {
        if (server === fifth.address && operation === 'get' && outcome === 'absent') took++
      },
    })
    await until('everything was read twice', () => reads > before + 2 * KEYS.length)
    isOver = true
    await reading
    const there = await Promise.all(KEYS.map((key) => holders([fifth], key)))
    const moved = there.filter(({ length }) => length === 1).length
    t.log(`${took} reads missed on the new server, ${moved} of ${KEYS.length} keys are on it`)
    t.true(Math.abs(moved / KEYS.length - replicas / 5) < 0.09, `${moved}`)
    t.true(took >= moved && took < 1.5 * moved + 10, `${took}`)
  })
}

test('two copies: nothing is missed when a server is taken out, and copies are whole again', async (t) => {
  const { servers, engine } = await startFleet(t, 4, { replicas: 2 })
  for (const key of KEYS) await engine.set(key, contentOf(key))
  const [gone, ...rest] = servers
  engine.setAddresses(rest.map(({ address }) => address))
  t.deepEqual(engine.servers, rest.map(({ address }) => address).sort())
  for (const key of KEYS)
    t.deepEqual(await engine.get(key, exactly(contentOf(key))), contentOf(key))
  await gone!.stop('SIGKILL')
  await until('every key has two copies', async () => {
    for (const key of KEYS) await engine.get(key, exactly(contentOf(key)))
    for (const key of KEYS) if ((await holders(rest, key)).length < 2) return false
    return true
  })
})

test('servers that stay keep their connections, and one that goes finishes what is under way', async (t) => {
  const { servers, engine } = await startFleet(t, 3, { replicas: 2 })
  await Promise.all(KEYS.map((key) => engine.set(key, contentOf(key))))
  const connections = async () => {
    const stats = await Promise.all(servers.map(({ raw }) => raw.stats()))
    return stats.map(({ total_connections }) => Number(total_connections))
  }
  const before = await connections()
  const underWay = KEYS.map((key) => engine.get(key, exactly(contentOf(key))))
  engine.setAddresses(servers.slice(1).map(({ address }) => address))
  for (const [i, value] of (await Promise.all(underWay)).entries()) {
    t.deepEqual(value, contentOf(KEYS[i]!))
  }
  t.deepEqual((await connections()).slice(1), before.slice(1))
  await until('the server that is gone is left', async () => {
    const { curr_connections } = await servers[0]!.raw.stats()
    return Number(curr_connections) <= 2
  })
})

test('a list that cannot be used changes nothing', async (t) => {
  const { servers, engine } = await startFleet(t, 2, { replicas: 2 })
  const names = engine.servers
  for (const bad of [[], ['a b'], [servers[0]!.address], ['a', 'a']]) {
    t.throws(() => engine.setAddresses(bad), { instanceOf: InvalidArgumentError })
    t.deepEqual(engine.servers, names)
  }
  t.is(await engine.set('key', Buffer.from('value')), 2)
})
