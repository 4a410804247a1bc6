import { InvalidArgumentError } from '../../errors.ts'
import type { Engine } from '../engine.ts'
import { parseAddresses } from './address.ts'
import { MemcachedEngine } from './engine.ts'
import type { MemcachedOptions } from './options.ts'

export type { MemcachedOptions } from './options.ts'

/**
 * Keeps files in memcached. Connects when there is something to ask.
 * @param addresses `host:port`, `[::1]:port`, `/path/of.sock`, `user:password@host`, `tls://host:port`.
 * @throws {InvalidArgumentError} for an address or an option that can never work.
 * @example memcached('10.0.0.1:11211', { timeoutMs: 500 })
 */
export function memcached(
  addresses: string | readonly string[],
  options: MemcachedOptions = {},
): Engine {
  const engines = memcachedEngines(addresses, options)
  if (engines.length > 1) {
    throw new InvalidArgumentError('several memcached servers are not supported yet; name one', {
      expected: 'one address',
      actual: `${engines.length} addresses`,
    })
  }
  return engines[0]!
}

/** One engine per server, in the order of the addresses. */
export function memcachedEngines(
  addresses: string | readonly string[],
  options: MemcachedOptions = {},
): MemcachedEngine[] {
  return parseAddresses(addresses).map((address) => new MemcachedEngine(address, options))
}
