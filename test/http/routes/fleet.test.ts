import test from 'ava'
import {
  type EngineStats,
  MemcachedFleet,
  memcached,
  memory,
  type Verification,
} from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { startTestServer } from '../../helpers/server.ts'

interface Fleet {
  at: string
  copies: number
  servers: EngineStats[]
  memory: { used: number; total: number }
  chunkSize: number
  maxFileSize?: number
}

const fleetOf = async (url: string) => (await (await fetch(`${url}/fleet`)).json()) as Fleet

test('GET /fleet tells how memcached fares, the limits and the memory of this process', async (t) => {
  const { address } = await startMemcached(t)
  const { url, store } = await startTestServer(t, { engine: memcached(address) })
  await store.put(bytes('fleet', 3_000_000))
  const fleet = await fleetOf(url)
  const [server] = fleet.servers
  t.is(fleet.servers.length, 1)
  t.is(server?.server, address)
  t.true(server?.up)
  t.is(server?.limitBytes, 128 * 1024 * 1024)
  t.true(server!.bytes! > 3_000_000)
  t.is(fleet.copies, 1)
  t.is(fleet.chunkSize, store.chunkSize)
  t.is(fleet.maxFileSize, await store.maxFileSize())
  t.is(fleet.memory.used, 0)
  t.false(Number.isNaN(Date.parse(fleet.at)))
})

test('a memcached that is down is told as down, with the reason, not as an error', async (t) => {
  const server = await startMemcached(t)
  const { url } = await startTestServer(t, {
    engine: memcached(server.address, { timeoutMs: 300 }),
  })
  await server.stop('SIGKILL')
  const [told] = (await fleetOf(url)).servers
  t.false(told?.up)
  t.truthy(told?.error)
})

test('however many ask, the servers are asked once a second at most', async (t) => {
  const engine = memory()
  let looks = 0
  const stats = engine.stats.bind(engine)
  engine.stats = () => {
    looks++
    return stats()
  }
  const { url } = await startTestServer(t, { engine })
  const start = performance.now()
  const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(`${url}/fleet`)))
  for (const answer of answers) t.is(answer.headers.get('cache-control'), 'no-store')
  await Promise.all(answers.map((answer) => answer.arrayBuffer()))
  t.true(looks <= 1 + Math.floor((performance.now() - start) / 1000))
})

test('GET /fleet tells of each server its part, what it missed and what was repaired on it', async (t) => {
  const servers = await Promise.all([1, 2, 3].map(() => startMemcached(t)))
  const [first, second, third] = servers.map(({ address }) => address)
  const engine = memcached(`${first}*2,${second},${third}`, { replicas: 2 })
  const { url, store } = await startTestServer(t, { engine })
  await servers[2]!.stop('SIGKILL')
  for (let i = 0; i < 20; i++) await store.put(bytes(i, 1000), { name: `file ${i}` })
  const told = new Map((await fleetOf(url)).servers.map((entry) => [entry.server, entry]))
  t.is(told.size, 3)
  t.deepEqual(
    servers.map(({ address }) => told.get(address)?.weightShare),
    [0.5, 0.25, 0.25],
  )
  t.deepEqual(
    servers.map(({ address }) => told.get(address)?.up),
    [true, true, false],
  )
  const loads = servers.map(({ address }) => told.get(address)!.loadShare!)
  t.true(Math.abs(loads[0]! + loads[1]! + loads[2]! - 1) < 1e-9)
  t.true(loads[0]! > loads[2]!)
  t.is(told.get(first!)!.missedCopies, 0)
  t.true(told.get(third!)!.missedCopies! > 20)
  t.is(told.get(third!)!.repairedCopies, 0)
})

test('of several servers, the health says which hold a chunk, by their positions in /fleet', async (t) => {
  const servers = await Promise.all(Array.from({ length: 3 }, () => startMemcached(t)))
  const engine = new MemcachedFleet(
    servers.map(({ address }) => address),
    { replicas: 2 },
  )
  const { url, store } = await startTestServer(t, { engine, store: { chunkSize: 1000 } })
  await store.put(bytes('spread', 20_000), { name: 'a' })
  const fleet = await fleetOf(url)
  t.is(fleet.copies, 2)
  const health = (await (await fetch(`${url}/files/a?health`)).json()) as Verification
  t.is(health.chunks.length, 20)
  for (const chunk of health.chunks) {
    const holders = await Promise.all(
      servers.map(async ({ address, raw }) =>
        (await raw.get(`c:${chunk.hash}`)) === undefined ? undefined : address,
      ),
    )
    const told = chunk.servers!.map((position) => fleet.servers[position]!.server)
    t.deepEqual(told.sort(), holders.filter((address) => address !== undefined).sort())
  }
})
