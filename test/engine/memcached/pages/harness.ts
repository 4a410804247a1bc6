import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pMap from 'p-map'
import type { Engine } from '../../../../src/engine/engine.ts'
import type { MemcachedOptions } from '../../../../src/engine/memcached/options.ts'
import type { FaultProxy } from '../../../helpers/fault-proxy.ts'
import type { Memcached } from '../../../helpers/memcached.ts'
import { whole } from '../harness.ts'

export const PATIENT: MemcachedOptions = { timeoutMs: 5000, connectTimeoutMs: 5000 }
export const MEMORY_MB = 64
/** Two of them fill a page, as chunks of the default size do. */
export const LARGE = 524_038
export const SMALL = 4096

/** Memcached moves nothing on its own, so that whatever moves was moved by us. */
export const alone = (more = '', ...args: string[]) => ({
  memoryMb: MEMORY_MB,
  args: ['-o', `slab_automove=0${more}`, ...args],
})

export async function store(engine: Engine, length: number, keys: readonly string[]) {
  await pMap(keys, (key) => engine.set(key, randomBytes(length)), { concurrency: 8 })
}

/** Of the form that the store gives to chunks; what is not may be somebody else's. */
export const keys = (kind: string, count: number) =>
  Array.from({ length: count }, (_, i) => `c:${sha256(kind + i)}`)

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** More large values than there is room for; resolves with their keys, the oldest first. */
export async function fillWithLarge(engine: Engine): Promise<string[]> {
  const all = keys('large', MEMORY_MB * 2.5)
  await store(engine, LARGE, all)
  return all
}

/** Stores small values, more than a page of them each time, until `isDone`; their keys, in order. */
export async function press(
  engine: Engine,
  isDone: () => boolean | Promise<boolean>,
): Promise<string[]> {
  const all: string[] = []
  const end = performance.now() + 30_000
  while (!(await isDone()) && performance.now() < end) {
    const some = keys(`small-${all.length}-`, 300)
    await store(engine, SMALL, some)
    all.push(...some)
    await sleep(250)
  }
  return all
}

export const movedPages = async (server: Memcached) =>
  Number((await server.raw.stats()).slabs_moved ?? 0)

export async function lost(engine: Engine, all: readonly string[]): Promise<number> {
  const found = await pMap(all, (key) => engine.get(key, whole), { concurrency: 8 })
  return found.filter((value) => value === undefined).length
}

/** What is sent to memcached from now on, as one text. */
export function listen(proxy: FaultProxy) {
  const heard = { text: '', count: (what: string) => heard.text.split(what).length - 1 }
  proxy.toServer = (bytes, _link, forward) => {
    if (bytes.length < 4096) heard.text += bytes.toString('latin1')
    forward(bytes)
  }
  return heard
}

export const after = (ms: number) => {
  const end = performance.now() + ms
  return () => performance.now() > end
}
