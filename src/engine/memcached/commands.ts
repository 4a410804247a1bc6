import { InsufficientStorageError, TooLargeError } from '../../errors.ts'
import { checkTtl } from '../key.ts'
import type { ReconnectingConnection } from './connection/reconnecting.ts'
import { ConnectionError } from './connection-error.ts'
import type { Allocate, Reply, Request } from './protocol/protocol.ts'

/** Memcached takes more seconds than these for Unix time. */
const LONGEST_RELATIVE = 30 * 24 * 3600

/**
 * Returns a TTL in seconds, 0 for no limit, as memcached wants it.
 * @throws {InvalidArgumentError} for a TTL that is not one.
 */
export function toExptime(ttl: number, now = Date.now()): number {
  checkTtl(ttl)
  return ttl <= LONGEST_RELATIVE ? ttl : Math.ceil(now / 1000) + ttl
}

export interface Item {
  value: Buffer
  /** Changes with every write of the item; 0 when memcached does not tell, as with `-C`. */
  cas: bigint
}

/**
 * The commands of one memcached, over one or more connections to it. TTLs are in seconds, 0 for no
 * limit. Everything rejects with `ConnectionError`, and with nothing else but what is said here.
 */
export class Commands {
  readonly #connections: readonly ReconnectingConnection[]

  constructor(connections: readonly ReconnectingConnection[]) {
    this.#connections = connections
  }

  /** @param allocate Where the value is received. Default: new memory. */
  get(key: string, allocate?: Allocate): Promise<Buffer | undefined> {
    return this.#ask({ verb: 'get', key, allocate }, toValue)
  }

  gets(key: string): Promise<Item | undefined> {
    return this.#ask({ verb: 'gets', key }, toItem)
  }

  /** @throws {InsufficientStorageError | TooLargeError | InvalidArgumentError} */
  set(key: string, value: Buffer, ttl: number): Promise<void> {
    return this.#ask({ verb: 'set', key, value, exptime: toExptime(ttl) }, expectStored)
  }

  /**
   * Resolves with whether it was stored: not when there is such a key.
   * @throws {InsufficientStorageError | TooLargeError | InvalidArgumentError}
   */
  add(key: string, value: Buffer, ttl: number): Promise<boolean> {
    return this.#ask({ verb: 'add', key, value, exptime: toExptime(ttl) }, wasNew)
  }

  /**
   * Resolves with whether it was stored: not when `item` is no longer what is there. A memcached
   * without CAS (`-C`) replaces whatever is there.
   * @throws {InsufficientStorageError | TooLargeError | InvalidArgumentError}
   */
  replace(item: Item | undefined, key: string, value: Buffer, ttl: number): Promise<boolean> {
    if (item === undefined) return this.add(key, value, ttl)
    const { cas } = item
    return this.#ask({ verb: 'set', key, value, exptime: toExptime(ttl), cas }, wasUnchanged)
  }

  /** @throws {InvalidArgumentError} */
  touch(key: string, ttl: number): Promise<boolean> {
    return this.#ask({ verb: 'touch', key, exptime: toExptime(ttl) }, isThere)
  }

  delete(key: string): Promise<boolean> {
    return this.#ask({ verb: 'delete', key }, isThere)
  }

  /** Deletes the item unless it was written since. */
  deleteUnchanged(key: string, cas: bigint): Promise<void> {
    return this.#ask({ verb: 'delete', key, cas }, expectOkOrChanged)
  }

  noop(): Promise<void> {
    return this.#ask({ verb: 'noop' }, expectOk)
  }

  /**
   * Resolves with what `stats` tells, by name; with `about`, with what `stats items` and the like
   * tell.
   */
  stats(about = ''): Promise<ReadonlyMap<string, string>> {
    return this.#ask({ verb: 'stats', key: about }, (reply) => {
      expectOk(reply)
      return reply.figures!
    })
  }

  /** Resolves with the largest value that the server which answers now stores under such a key. */
  async maxValueSize(keyLength: number): Promise<number> {
    const connection = this.#idlest
    return (
      connection.maxValueSize(keyLength) ??
      connection.ask({ verb: 'noop' }, (reply) => {
        expectOk(reply)
        return connection.maxValueSize(keyLength)! // It is connected while it answers.
      })
    )
  }

  /** Whether there is a connection. */
  get isConnected(): boolean {
    return this.#idlest.maxValueSize(0) !== undefined
  }

  /** Rejects everything under way, for good. */
  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()))
  }

  #ask<R>(request: Request, read: (reply: Reply) => R): Promise<R> {
    return this.#idlest.ask(request, read)
  }

  /** The connection with the least to do. */
  get #idlest(): ReconnectingConnection {
    let idlest = this.#connections[0]!
    for (const each of this.#connections) if (each.load < idlest.load) idlest = each
    return idlest
  }
}

function toValue(reply: Reply): Buffer | undefined {
  return isThere(reply) ? reply.value : undefined
}

function toItem(reply: Reply): Item | undefined {
  return isThere(reply) ? { value: reply.value!, cas: reply.cas ?? 0n } : undefined
}

function isThere(reply: Reply): boolean {
  if (reply.status === 'not-found') return false
  expectOk(reply)
  return true
}

function expectOkOrChanged(reply: Reply): void {
  if (reply.status !== 'exists' && reply.status !== 'not-found') expectOk(reply)
}

function wasNew(reply: Reply): boolean {
  if (reply.status === 'exists') return false
  expectStored(reply)
  return true
}

function wasUnchanged(reply: Reply): boolean {
  return reply.status !== 'not-found' && wasNew(reply)
}

function expectStored(reply: Reply): void {
  if (reply.status === 'out-of-memory') {
    throw new InsufficientStorageError('memcached has no room for the value')
  }
  if (reply.status === 'too-large') {
    throw new TooLargeError('memcached refused the value as too large')
  }
  expectOk(reply)
}

function expectOk({ status, text }: Reply): void {
  if (status === 'ok') return
  throw new ConnectionError('server-error', `memcached answered: ${text ?? status}`)
}
