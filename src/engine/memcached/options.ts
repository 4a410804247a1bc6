import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { InvalidArgumentError } from '../../errors.ts'
import type { NamesOf } from '../../known-names.ts'
import type { Address, Credentials } from './address.ts'
import { PROTOCOLS, type Protocol } from './protocol/choice.ts'
import { hasSpace, NO_SPACE } from './protocol/lines.ts'

/** How to talk to memcached. Times are in milliseconds, sizes in bytes. */
export interface MemcachedOptions {
  /**
   * How long memcached may send nothing at all while a request is under way. Default 1000, or 400
   * in a `MemcachedFleet`, as several servers are.
   */
  timeoutMs?: number | undefined
  /**
   * How long it may take to connect, to authenticate and to get a first answer. Default 500, or 400
   * in a fleet.
   */
  connectTimeoutMs?: number | undefined
  /**
   * How long a request may take in all, even if bytes keep trickling in. One that has waited to be
   * sent for half of that is rejected. Default 5000.
   */
  responseCapMs?: number | undefined
  /** Bytes of requests sent but not yet answered; one request is always allowed. Default 16 MiB. */
  maxInFlightBytes?: number | undefined
  /** Requests that wait to be sent; more are rejected with `UnavailableError`. Default 10,000. */
  maxQueuedRequests?: number | undefined
  /** The bytes of those requests. Default 256 MiB. */
  maxQueuedBytes?: number | undefined
  /** The pause after a second failure in a row; it doubles from there. Default 50. */
  backoffMinMs?: number | undefined
  /**
   * The longest pause. Everything fails at once during a pause. Default 400, or 200 in a fleet.
   */
  backoffMaxMs?: number | undefined
  /**
   * How to speak to it. Default `auto`, which finds out when connecting what the server speaks, and
   * prefers `binary` to `meta`, the commands of memcached 1.6, and that to `text`, the classic ones.
   */
  protocol?: Protocol | undefined
  /**
   * For addresses that name no user. Sent through SASL PLAIN with the binary protocol, else as
   * memcached's `-Y` wants it.
   */
  username?: string | undefined
  password?: string | undefined
  /** TLS to every server, not only to `tls://` addresses. An object is passed to `tls.connect`. */
  tls?: boolean | TlsOptions | undefined
  /** TCP connections per server. Default 1, which is usually fastest. */
  connections?: number | undefined
  /** The item size limit (`-I`) of a server that does not tell its own. Default 1 MiB. */
  maxItemSize?: number | undefined
  /**
   * Whether to have memcached move memory between sizes sooner than it does by itself. While values
   * are stored and others of their size are evicted, the oldest chunks and links of other sizes are
   * removed; values under other keys stay. Uses two more connections for a moment. A server that
   * refuses is left alone for an hour; with SASL it is never tried. Default true.
   */
  pageMover?: boolean | undefined
}

/** The options that are numbers, with their defaults. */
const DEFAULTS = {
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

/** The names of all options. */
export const MEMCACHED_OPTIONS: NamesOf<MemcachedOptions> = {
  protocol: true,
  timeoutMs: true,
  connectTimeoutMs: true,
  responseCapMs: true,
  maxInFlightBytes: true,
  maxQueuedRequests: true,
  maxQueuedBytes: true,
  backoffMinMs: true,
  backoffMaxMs: true,
  username: true,
  password: true,
  tls: true,
  connections: true,
  maxItemSize: true,
  pageMover: true,
}

/** How to reach one memcached, validated and with every default filled in. */
export interface MemcachedSettings extends Readonly<typeof DEFAULTS> {
  readonly address: Address
  readonly credentials: Credentials | undefined
  readonly protocol: Protocol
  /** `undefined` for none. */
  readonly tls: TlsOptions | undefined
}

/**
 * @throws {InvalidArgumentError} that names the option, unless all numbers are whole and at least
 * 1, and the protocol is one.
 */
export function validateOptions(address: Address, options: MemcachedOptions): MemcachedSettings {
  const numbers = { ...DEFAULTS }
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
    const value = options[name] ?? DEFAULTS[name]
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new InvalidArgumentError(`${name} must be a whole number of at least 1`, {
        expected: '>= 1',
        actual: String(value),
      })
    }
    numbers[name] = value
  }
  const { username, password, tls = false, protocol = 'auto' } = options
  if (!PROTOCOLS.includes(protocol)) {
    throw new InvalidArgumentError(`protocol must be one of ${PROTOCOLS.join(', ')}`, {
      actual: String(protocol),
    })
  }
  const own = username !== undefined && password !== undefined ? { username, password } : undefined
  const credentials = address.credentials ?? own
  if (credentials && hasSpace(credentials) && (protocol === 'meta' || protocol === 'text')) {
    throw new InvalidArgumentError(NO_SPACE)
  }
  const tlsOptions: TlsOptions = typeof tls === 'object' ? tls : {}
  return {
    ...numbers,
    address,
    protocol,
    credentials,
    tls: address.tls || tls ? tlsOptions : undefined,
  }
}
