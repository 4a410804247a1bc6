import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { InvalidArgumentError } from '../../errors.ts'

/** How to talk to memcached. Times are in milliseconds, sizes in bytes. */
export interface MemcachedOptions {
  /**
   * How long memcached may be silent while something was asked of it; it is late only when
   * nothing at all was received for this long. Default 1000, or 400 where there
   * are several servers.
   */
  timeoutMs?: number
  /** How long it may take to connect, to authenticate and to get a first answer. Default 500, or 400
   * where there are several servers. */
  connectTimeoutMs?: number
  /**
   * How long a request may take in all, even if bytes keep trickling in. One that has waited for its
   * turn for half of that is given up. Default 5000.
   */
  responseCapMs?: number
  /** Requests sent but not yet answered, in bytes; one request is always allowed. Default 16 MiB. */
  maxInFlightBytes?: number
  /** Requests that wait for their turn; more are refused with `UnavailableError`. Default 10,000. */
  maxQueuedRequests?: number
  /** The bytes of those requests. Default 256 MiB. */
  maxQueuedBytes?: number
  /** The pause after a second failure in a row; it doubles from there. Default 50. */
  backoffMinMs?: number
  /** The longest pause, during which everything fails at once. Default 400. */
  backoffMaxMs?: number
  /** For addresses that name no user of their own. Memcached checks it through SASL PLAIN. */
  username?: string
  password?: string
  /** TLS to every server, not only to `tls://` addresses. An object is passed to `tls.connect`. */
  tls?: boolean | TlsOptions
  /** TCP connections per server. Default 1, which is usually fastest. */
  connections?: number
  /** The item size limit of a server that does not tell its own (`-I`). Default 1 MiB. */
  maxItemSize?: number
  /**
   * Whether to have memcached move memory between sizes sooner than it does by itself: while values are
   * stored and others of their size are evicted, the oldest of other sizes are removed, as far as
   * they have keys of chunks and links; what else lies there stays. Takes two connections more for a
   * moment; a server that refuses is left alone for an hour, one that asks for credentials for ever.
   * Default true.
   */
  pageMover?: boolean
}

/** `MemcachedOptions` with every default filled in. */
export type Settings = Required<
  Omit<MemcachedOptions, 'username' | 'password' | 'tls' | 'pageMover'>
>

const DEFAULTS: Settings = {
  timeoutMs: 1000,
  connectTimeoutMs: 500,
  responseCapMs: 5000,
  maxInFlightBytes: 16 * 1024 * 1024,
  maxQueuedRequests: 10_000,
  maxQueuedBytes: 256 * 1024 * 1024,
  backoffMinMs: 50,
  backoffMaxMs: 400,
  connections: 1,
  maxItemSize: 1024 * 1024,
}

/** @throws {InvalidArgumentError} that names the option, unless all are whole numbers from 1. */
export function toSettings(options: MemcachedOptions): Settings {
  const settings = { ...DEFAULTS }
  for (const name of Object.keys(DEFAULTS) as (keyof Settings)[]) {
    const value = options[name] ?? DEFAULTS[name]
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new InvalidArgumentError(`${name} must be a whole number of at least 1`, {
        expected: '>= 1',
        actual: String(value),
      })
    }
    settings[name] = value
  }
  return settings
}
