import { InsufficientStorageError, TooLargeError } from '../../errors.ts'
import { checkTtl } from '../key.ts'
import type { ReconnectingConnection } from './connection/reconnecting.ts'
import { ConnectionError } from './connection-error.ts'
import { Lacks } from './lacks.ts'
import type { Allocate, Reply, Request } from './protocol/protocol.ts'

/** Memcached takes more seconds than these for Unix time. */
const LONGEST_RELATIVE = 30 * 24 * 3600
/** Memcached takes later times for ones that are over: it keeps 31 bits of them. */
const LATEST = 2 ** 31 - 1

/**
 * Returns a TTL in seconds, 0 for no limit, as memcached wants it.
 * @param now Unix time in seconds by memcached's clock. Without it, a TTL above 30 days is no limit: a
 * time by another clock may be over already.
 * @throws {InvalidArgumentError} for a TTL that is not one.
 */
export function toExptime(ttl: number, now?: number): number {
  checkTtl(ttl)
  if (ttl <= LONGEST_RELATIVE) return ttl
  return now === undefined ? 0 : Math.min(Math.ceil(now) + ttl, LATEST)
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
  readonly #lacks: Lacks

  /** @param lacks Is told what the server turns out to be unable to do. */
  constructor(connections: readonly ReconnectingConnection[], lacks = new Lacks()) {
    this.#connections = connections
    this.#lacks = lacks
  }

  /** @param allocate Where the value is received. Default: new memory. */
  get(key: string, allocate?: Allocate): Promise<Buffer | undefined> {
    return this.#ask({ verb: 'get', key, allocate }, toValue)
  }

  async gets(key: string): Promise<Item | undefined> {
    const item = await this.#ask({ verb: 'gets', key }, toItemIfKnown)
    if (item !== 'unknown') {
      if (item?.cas === 0n) this.#lacks.add('cas')
      return item
    }
    this.#lacks.add('cas')
    const value = await this.get(key)
    return value && { value, cas: 0n }
  }

  /** @throws {InsufficientStorageError | TooLargeError | InvalidArgumentError} */
  set(key: string, value: Buffer, ttl: number): Promise<true> {
    return this.#askTimed(ttl, (exptime) => ({ verb: 'set', key, value, exptime }), expectStored)
  }

  /**
   * Resolves with whether it was stored: not when there is such a key.
   * @throws {InsufficientStorageError | TooLargeError | InvalidArgumentError}
   */
  add(key: string, value: Buffer, ttl: number): Promise<boolean> {
    return this.#askTimed(ttl, (exptime) => ({ verb: 'add', key, value, exptime }), wasNew)
  }

  /**
   * Resolves with whether it was stored: not when `item` is no longer what is there. A memcached
   * without CAS (`-C`) replaces whatever is there.
   * @throws {InsufficientStorageError | TooLargeError | InvalidArgumentError}
   */
  replace(item: Item | undefined, key: string, value: Buffer, ttl: number): Promise<boolean> {
    if (item === undefined) return this.add(key, value, ttl)
    const { cas } = item
    const requestOf = (exptime: number): Request => ({ verb: 'set', key, value, cas, exptime })
    if (cas !== 0n) return this.#askTimed(ttl, requestOf, wasUnchanged)
    return this.set(key, value, ttl)
  }

  /** @throws {InvalidArgumentError} */
  async touch(key: string, ttl: number): Promise<boolean> {
    if (!this.#lacks.has('touch')) {
      const requestOf = (exptime: number): Request => ({ verb: 'touch', key, exptime })
      const isThereNow = await this.#askTimed(ttl, requestOf, isThereIfKnown)
      if (isThereNow !== undefined) return isThereNow
      this.#lacks.add('touch')
    }
    return (await this.get(key)) !== undefined
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

  /** Resolves with what `stats` tells, by name: nothing when the server has no such command. */
  async stats(): Promise<ReadonlyMap<string, string>> {
    // A proxy that would hang up is found out when connecting.
    if (!this.isConnected) await this.noop()
    if (!this.#lacks.has('stats')) {
      const figures = await this.#ask({ verb: 'stats' }, toFiguresIfKnown)
      if (figures !== undefined) return figures
      this.#lacks.add('stats')
    }
    await this.noop()
    return new Map()
  }

  /** Resolves with what `stats items` and the like tell, by name. */
  statsOf(about: 'items' | 'slabs'): Promise<ReadonlyMap<string, string>> {
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

  #askTimed<R>(
    ttl: number,
    requestOf: (exptime: number) => Request,
    read: (reply: Reply) => R,
  ): Promise<R> {
    if (ttl > LONGEST_RELATIVE) return this.#askByServerTime(ttl, requestOf, read)
    return this.#ask(requestOf(toExptime(ttl)), read)
  }

  /** Asks for memcached's time first, once on each connection. */
  async #askByServerTime<R>(
    ttl: number,
    requestOf: (exptime: number) => Request,
    read: (reply: Reply) => R,
  ): Promise<R> {
    const connection = this.#idlest
    if (connection.serverTime === undefined && !this.#lacks.has('stats')) {
      await connection.ask({ verb: 'stats' }, (reply) => {
        const figures = toFiguresIfKnown(reply)
        if (figures === undefined) this.#lacks.add('stats')
        else connection.learnTime(figures)
      })
    }
    return connection.ask(requestOf(toExptime(ttl, connection.serverTime)), read)
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

/** `'unknown'` when the server has no such command. */
function toItemIfKnown(reply: Reply): Item | undefined | 'unknown' {
  if (reply.status === 'unknown') return 'unknown'
  return isThere(reply) ? { value: reply.value!, cas: reply.cas ?? 0n } : undefined
}

function isThere(reply: Reply): boolean {
  if (reply.status === 'not-found') return false
  expectOk(reply)
  return true
}

/** `undefined` when the server has no such command. */
function isThereIfKnown(reply: Reply): boolean | undefined {
  return reply.status === 'unknown' ? undefined : isThere(reply)
}

function toFiguresIfKnown(reply: Reply): ReadonlyMap<string, string> | undefined {
  if (reply.status === 'unknown') return undefined
  expectOk(reply)
  return reply.figures
}

function expectOkOrChanged(reply: Reply): void {
  if (reply.status !== 'exists' && reply.status !== 'not-found') expectOk(reply)
}

function wasNew(reply: Reply): boolean {
  return reply.status !== 'exists' && expectStored(reply)
}

function wasUnchanged(reply: Reply): boolean {
  return reply.status !== 'not-found' && wasNew(reply)
}

function expectStored(reply: Reply): true {
  if (reply.status === 'out-of-memory') {
    throw new InsufficientStorageError('memcached has no room for the value')
  }
  if (reply.status === 'too-large') {
    throw new TooLargeError('memcached refused the value as too large')
  }
  expectOk(reply)
  return true
}

function expectOk({ status, text }: Reply): void {
  if (status === 'ok') return
  throw new ConnectionError('server-error', `memcached answered: ${text ?? status}`)
}
