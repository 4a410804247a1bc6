import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { Placement } from '../../../src/engine/fleet/placement.ts'
import { MemcachedFleet, type MemcachedOptions } from '../../../src/index.ts'
import { launchMemcached, type Memcached } from '../../helpers/memcached.ts'
import { Random } from '../../helpers/random.ts'
import { startTestServer } from '../../helpers/server.ts'
import { until } from './harness.ts'
import { CHUNK_SIZE, Load } from './load.ts'

const PEOPLE = 4

/** Memcacheds with two copies of everything, and two servers over them that share nothing. */
class World {
  readonly servers: Memcached[] = []
  readonly engines: MemcachedFleet[] = []
  readonly urls: string[] = []
  /** Milliseconds for which a server is frozen: longer than any request waits for it. */
  silence = 1200

  async start(t: ExecutionContext, count: number, options: MemcachedOptions): Promise<void> {
    t.teardown(() => Promise.all(this.servers.map((server) => server.dispose())))
    while (this.servers.length < count) this.servers.push(await launchMemcached(SETTINGS))
    for (const _ of [1, 2]) {
      const engine = new MemcachedFleet(this.addresses, { ...options, replicas: 2 })
      this.engines.push(engine)
      this.urls.push((await startTestServer(t, { engine, store: { chunkSize: CHUNK_SIZE } })).url)
    }
  }

  get addresses(): string[] {
    return this.servers.map(({ address }) => address)
  }

  /** Those of the keys that one of the servers which should have a copy does not have. */
  async incomplete(keys: ReadonlyMap<string, string>): Promise<string[]> {
    const held = new Map<string, Set<string>>()
    for (const { address, raw } of this.servers) held.set(address, new Set(await raw.keys()))
    const placement = new Placement(this.addresses.map((name) => ({ name, weight: 1 })))
    const isWhole = ([key, near]: [string, string]) => {
      const holders = placement.rank(near).slice(0, key.startsWith('c:') ? 2 : 3)
      return holders.every(({ name }) => held.get(name)!.has(key))
    }
    return [...keys].filter((entry) => !isWhole(entry)).map(([key]) => key)
  }

  async allUp(): Promise<boolean> {
    const stats = await Promise.all(this.engines.map((engine) => engine.stats()))
    return stats.flat().every(({ up }) => up)
  }
}

const SETTINGS = { memoryMb: 100 }

/** Each is over when the fleet is complete again, though copies may be missing. */
export const faults = {
  async kill({ servers }: World, index: number) {
    await servers[index]!.stop('SIGKILL')
    await sleep(800)
    await servers[index]!.start()
  },
  async restart({ servers }: World, index: number) {
    await servers[index]!.restart('SIGTERM')
  },
  async freeze({ servers, silence }: World, index: number) {
    servers[index]!.freeze()
    await sleep(silence)
    servers[index]!.thaw()
  },
  async replace(world: World, index: number) {
    const gone = world.servers[index]!
    world.servers[index] = await launchMemcached(SETTINGS)
    for (const engine of world.engines) engine.setAddresses(world.addresses)
    await gone.dispose()
  },
}

const ALL = Object.keys(faults) as (keyof typeof faults)[]

export interface Outcome {
  requests: number
  slowest: Load['slowest']
  rounds: number
}

export interface Plan {
  seed: number
  ms: number
  limitMs: number
  /** Default: five memcacheds. */
  count?: number
  /** Default: all of them. */
  kinds?: readonly (keyof typeof faults)[]
  /** For fleets in which a single server is left: a busy machine must not make that one late. */
  timeoutMs?: number
}

/**
 * Breaks one server after the other under load, and lets the copies become whole in between.
 * Any answer that is not right, and any request that takes longer than `limitMs`, fails the test.
 */
export async function chaos(
  t: ExecutionContext,
  { seed, ms, limitMs, count = 5, kinds = ALL, timeoutMs }: Plan,
): Promise<Outcome> {
  const random = new Random(seed)
  const world = new World()
  if (timeoutMs !== undefined) world.silence = timeoutMs + 800
  await world.start(t, count, timeoutMs ? { timeoutMs, connectTimeoutMs: timeoutMs } : {})
  const load = new Load(world.urls, random, 24)
  await load.fill()

  let isOver = false
  const running = load.run(PEOPLE, () => isOver)
  const end = Date.now() + ms
  let rounds = 0
  while (Date.now() < end || rounds < kinds.length) {
    const kind = kinds[rounds++ % kinds.length]!
    const index = count === 2 ? rounds % 2 : random.below(count)
    await faults[kind](world, index)
    await until(`all servers are up after ${kind}`, () => world.allUp())
    await becomeWhole(world, load, kind)
    if (load.surprises.length > 0) break
  }
  isOver = true
  await running
  const { requests, slowest, surprises } = load
  t.deepEqual(surprises, [], `seed ${seed}`)
  t.true(slowest.ms < limitMs, `${slowest.what} took ${slowest.ms} ms`)
  return { requests, slowest, rounds }
}

/** What nobody reads is not repaired, so everything is read, while everybody goes on. */
function becomeWhole(world: World, load: Load, after: string): Promise<void> {
  return until(`all copies are there again after ${after}`, async () => {
    const keys = load.keys()
    await load.readAll()
    if (load.surprises.length > 0) return true
    const missing = await world.incomplete(keys)
    // Those of what was replaced or deleted meanwhile are nobody's any more.
    const live = load.keys()
    return missing.every((key) => !live.has(key))
  })
}
