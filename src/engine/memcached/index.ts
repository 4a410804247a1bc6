import type { Engine } from '../engine.ts'
import { parseAddresses } from './address.ts'
import { MemcachedEngine } from './engine.ts'
import { MemcachedFleet, type MemcachedFleetOptions } from './fleet.ts'

export { MemcachedFleet, type MemcachedFleetOptions } from './fleet.ts'
export type { MemcachedOptions } from './options.ts'

/**
 * Keeps files in memcached. Connects with the first request.
 * @param addresses `host:port`, `[::1]:port`, `/path/of.sock`, `user:password@host`,
 * `tls://host:port`; several make a fleet, in which `host:port*2` holds twice as many keys as the
 * others.
 * @throws {InvalidArgumentError} for an address or an option that can never work.
 * @example memcached('10.0.0.1:11211', { timeoutMs: 500 })
 * @example memcached('10.0.0.1,10.0.0.2,10.0.0.3*2', { replicas: 2 })
 */
export function memcached(
  addresses: string | readonly string[],
  options: MemcachedFleetOptions = {},
): Engine {
  const [only, ...others] = parseAddresses(addresses)
  const { replicas = 1, ...rest } = options
  if (others.length > 0 || replicas !== 1) return new MemcachedFleet(addresses, options)
  return new MemcachedEngine(only!, rest)
}
