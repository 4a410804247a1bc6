import { InvalidArgumentError } from '../errors.ts'

/** The longest key that memcached takes, in bytes. */
export const MAX_KEY_LENGTH = 250
const NOT_IN_KEYS = /[^\x21-\x7e]/

/**
 * @throws {InvalidArgumentError} unless `key` is 1 to 250 bytes of printable ASCII without spaces.
 */
export function checkKey(key: string): void {
  if (key.length === 0 || key.length > MAX_KEY_LENGTH || NOT_IN_KEYS.test(key)) {
    throw new InvalidArgumentError(
      `a key is 1 to ${MAX_KEY_LENGTH} bytes of printable ASCII without spaces`,
      { actual: `${JSON.stringify(key.slice(0, 80))}, ${key.length} characters` },
    )
  }
}

/** A prefix of up to 100 bytes, one letter for the kind, a hash. */
const OF_FILES = /^[!-~]{0,100}[chn]:[0-9a-f]{64}$/

/**
 * Returns whether a key has the form that the store gives to those of chunks and links, with any
 * prefix. Values under other keys may belong to another application and must not be removed.
 */
export const isKeyOfFiles = (key: string): boolean => OF_FILES.test(key)

/** @throws {InvalidArgumentError} unless `ttl` is a whole number of seconds from 0 to ten years. */
export function checkTtl(ttl: number): void {
  if (!Number.isInteger(ttl) || ttl < 0 || ttl > MAX_TTL) {
    throw new InvalidArgumentError(
      'a TTL is a whole number of seconds, ten years at most, 0 for no limit',
      {
        expected: `0 to ${MAX_TTL}`,
        actual: String(ttl),
      },
    )
  }
}

/**
 * Ten years, in seconds. Memcached keeps absolute expiry in 32 bits of Unix time, which a longer
 * life from today would soon overflow.
 */
export const MAX_TTL = 10 * 365 * 24 * 3600
