import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { FileStore, MemcachedFleet, type MemcachedFleetOptions } from '../../../src/index.ts'
import { type Memcached, startMemcached } from '../../helpers/memcached.ts'

export interface TestFleet {
  servers: Memcached[]
  engine: MemcachedFleet
  store: FileStore
}

/** For tests in which nothing hangs: a machine that is busy with others is no outage. */
const PATIENT = { timeoutMs: 10_000, connectTimeoutMs: 10_000 }

/** So many small memcacheds and a store over them, gone when the test has ended. */
export async function startFleet(
  t: ExecutionContext,
  count: number,
  options?: MemcachedFleetOptions,
): Promise<TestFleet> {
  const settings = { memoryMb: 64 }
  const servers = await Promise.all(
    Array.from({ length: count }, () => startMemcached(t, settings)),
  )
  return { servers, ...connect(t, servers, options) }
}

/** Another client of the same servers. */
export function connect(
  t: ExecutionContext,
  servers: readonly Memcached[],
  options?: MemcachedFleetOptions,
): Omit<TestFleet, 'servers'> {
  const engine = new MemcachedFleet(
    servers.map(({ address }) => address),
    { ...PATIENT, ...options },
  )
  const store = new FileStore(engine)
  tellOutages(t, engine)
  t.teardown(() => store.close())
  return { engine, store }
}

/** Has a test that failed say which servers did not answer, and why. */
function tellOutages(t: ExecutionContext, engine: MemcachedFleet): void {
  const outages: string[] = []
  engine.observe({
    connection: (server, state, error) => {
      if (state === 'down') outages.push(`${server} went down: ${error?.message}`)
    },
  })
  t.teardown(() => {
    if (!t.passed) for (const outage of outages) t.log(outage)
  })
}

/** The servers that have something under the key. */
export async function holders(servers: readonly Memcached[], key: string): Promise<Memcached[]> {
  const values = await Promise.all(servers.map(({ raw }) => raw.get(key)))
  return servers.filter((_, i) => values[i] !== undefined)
}

/** Waits until `isSo`, for ten seconds at most. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await isSo()); await sleep(20)) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`)
  }
}

export const exactly = (wanted: Buffer) => (value: Buffer) =>
  value.equals(wanted) ? value : undefined
