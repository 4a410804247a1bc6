import { createHash, randomBytes } from 'node:crypto'
import type { ExecutionContext } from 'ava'
import type { Engine } from '../../../src/engine/engine.ts'
import { parseAddresses } from '../../../src/engine/memcached/address.ts'
import { Commands } from '../../../src/engine/memcached/commands.ts'
import { ReconnectingConnection } from '../../../src/engine/memcached/connection/reconnecting.ts'
import { memcached } from '../../../src/engine/memcached/index.ts'
import { KnownServer } from '../../../src/engine/memcached/known-server.ts'
import { type MemcachedOptions, validateOptions } from '../../../src/engine/memcached/options.ts'
import type { Codec } from '../../../src/engine/memcached/protocol/protocol.ts'
import { UnavailableError } from '../../../src/errors.ts'
import { FaultProxy } from '../../helpers/fault-proxy.ts'
import { type MemcachedFlags, startMemcached } from '../../helpers/memcached.ts'
import { watched } from '../../helpers/watchdog.ts'

/** Short, so that tests are; long enough for a machine that is busy with other tests. */
export const QUICK: MemcachedOptions = { timeoutMs: 600, connectTimeoutMs: 600 }

export const whole = (value: Buffer) => value

/** A memcached, a proxy in front of it and an engine that knows the proxy only. */
export async function rig(
  t: ExecutionContext,
  options: MemcachedOptions = QUICK,
  settings?: MemcachedFlags,
) {
  const server = await startMemcached(t, settings)
  const proxy = await FaultProxy.start(t, server.address)
  const engine = memcached(proxy.address, options)
  t.teardown(() => engine.close())
  return { server, proxy, engine }
}

export const settingsOf = (address: string, options: MemcachedOptions = {}) =>
  validateOptions(parseAddresses(address)[0]!, options)

/** The commands of a memcached over one connection with a codec of the test's own. */
export function commandsOver(t: ExecutionContext, address: string, createCodec: () => Codec) {
  const server = new KnownServer(settingsOf(address, QUICK), undefined, undefined, [createCodec])
  const commands = new Commands([new ReconnectingConnection(server)])
  t.teardown(() => commands.close())
  return commands
}

/** Values that are all different, under keys that say which is which. */
export async function fill(engine: Engine, lengths: readonly number[]) {
  const values = new Map(lengths.map((length, i) => [`key${i}`, randomBytes(length)]))
  for (const [key, value] of values) await engine.set(key, value)
  return values
}

export type Answer = 'right' | 'wrong' | 'absent' | 'unavailable'

/** Reads without any proof, and compares byte for byte: what the connection itself lets through. */
export async function read(engine: Engine, key: string, wanted: Buffer): Promise<Answer> {
  try {
    const value = await watched(`get ${key}`, engine.get(key, whole))
    if (value === undefined) return 'absent'
    return value.equals(wanted) ? 'right' : 'wrong'
  } catch (error) {
    if (error instanceof UnavailableError) return 'unavailable'
    throw error
  }
}

export async function readAll(engine: Engine, values: ReadonlyMap<string, Buffer>) {
  const count = { right: 0, wrong: 0, absent: 0, unavailable: 0 }
  const reads = Array.from(values, ([key, value]) => read(engine, key, value))
  for (const answer of await Promise.all(reads)) count[answer]++
  return count
}

/** The stable code of why something was unavailable. */
export async function failureOf(t: ExecutionContext, what: string, work: Promise<unknown>) {
  const error = await t.throwsAsync(watched(what, work), { instanceOf: UnavailableError }, what)
  return (error?.cause as { code?: string } | undefined)?.code
}

/** A value that its key proves: no copy of it is needed to know whether it is right. */
export function selfProving(length: number, seed: string): { key: string; value: Buffer } {
  const value = Buffer.alloc(length)
  const pattern = createHash('sha512').update(seed).digest()
  for (let at = 0; at < length; at += pattern.length) pattern.copy(value, at)
  return { key: createHash('sha256').update(value).digest('hex'), value }
}

export const proves =
  (key: string) =>
  (value: Buffer): Buffer | undefined =>
    createHash('sha256').update(value).digest('hex') === key ? value : undefined

/** Tries until `work` succeeds, and tells how long that took, in milliseconds. */
export async function recovery(work: () => Promise<unknown>, limit = 10_000): Promise<number> {
  const start = performance.now()
  for (;;) {
    try {
      await watched('recovery', work())
      return performance.now() - start
    } catch (error) {
      if (performance.now() - start > limit) throw error
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}
