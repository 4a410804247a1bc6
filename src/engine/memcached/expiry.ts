import { checkTtl } from '../key.ts'

/** Memcached takes larger values for seconds since 1970. */
const LONGEST_RELATIVE = 30 * 24 * 3600

/**
 * Seconds to live, 0 for no limit, as memcached wants them.
 * @throws {InvalidArgumentError} for a TTL that is not one.
 */
export function toExptime(ttl: number, now = Date.now()): number {
  checkTtl(ttl)
  return ttl <= LONGEST_RELATIVE ? ttl : Math.ceil(now / 1000) + ttl
}
