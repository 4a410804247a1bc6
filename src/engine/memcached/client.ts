import memjs from 'memjs'
import { InsufficientStorageError, TooLargeError } from '../../errors.ts'
import type { Exchange } from './connection.ts'
import { ConnectionError } from './connection-error.ts'
import { Opcode, Status, statusName } from './protocol.ts'
import { type Allocate, encode, type RequestFields } from './request.ts'
import type { Response } from './response.ts'
import type { Server } from './server.ts'

export interface Item {
  value: Buffer
  /** Changes with every write of the item; 0 when memcached was told not to count (`-C`). */
  cas: bigint
}

/**
 * A memjs client whose servers are connections to one and the same memcached. It encodes its requests
 * itself, so that values are not copied and items can be deleted by their CAS.
 * Everything rejects with `ConnectionError` unless it says more.
 */
export class Client extends memjs.Client {
  declare readonly servers: Server[]

  constructor(servers: Server[]) {
    super(servers)
  }

  /** The connection with the least to do. */
  override server(): Server {
    let best = this.servers[0]!
    for (const server of this.servers) if (server.load < best.load) best = server
    return best
  }

  /** The opaque of the next request: 32 bits, and never 0, which belongs to the handshake. */
  override incrSeq(): void {
    this.seq = (this.seq + 1) >>> 0 || 1
  }

  /** @param allocate Where the value is received. Default: new memory. */
  value(key: string, allocate?: Allocate): Promise<Buffer | undefined> {
    return this.#ask({ opcode: Opcode.get, key, allocate }, toValue)
  }

  gets(key: string): Promise<Item | undefined> {
    return this.#ask({ opcode: Opcode.get, key }, toItem)
  }

  /** @throws {InsufficientStorageError | TooLargeError} */
  store(key: string, value: Buffer, exptime: number): Promise<void> {
    return this.#ask({ opcode: Opcode.set, key, extras: [0, exptime], value }, expectStored)
  }

  /**
   * Whether it was stored: not when there is such a key.
   * @throws {InsufficientStorageError | TooLargeError}
   */
  storeNew(key: string, value: Buffer, exptime: number): Promise<boolean> {
    return this.#ask({ opcode: Opcode.add, key, extras: [0, exptime], value }, wasNew)
  }

  /**
   * Whether it was stored: not when `item` is no longer what is there. A memcached that does not count
   * (`-C`) cannot tell.
   * @throws {InsufficientStorageError | TooLargeError}
   */
  storeInPlaceOf(
    item: Item | undefined,
    key: string,
    value: Buffer,
    exptime: number,
  ): Promise<boolean> {
    if (item === undefined) return this.storeNew(key, value, exptime)
    const fields = { opcode: Opcode.set, key, extras: [0, exptime], value, cas: item.cas }
    return this.#ask(fields, wasUnchanged)
  }

  extend(key: string, exptime: number): Promise<boolean> {
    return this.#ask({ opcode: Opcode.touch, key, extras: [exptime] }, isThere)
  }

  remove(key: string): Promise<boolean> {
    return this.#ask({ opcode: Opcode.delete, key }, isThere)
  }

  /** Removes the item unless it was written since. */
  removeUnchanged(key: string, cas: bigint): Promise<void> {
    return this.#ask({ opcode: Opcode.delete, key, cas }, expectOkOrChanged)
  }

  noop(): Promise<void> {
    return this.#ask({ opcode: Opcode.noop }, expectOk)
  }

  /** The limit for an item as a whole of the server that answers now. */
  async maxItemSize(): Promise<number> {
    const server = this.server()
    return (
      server.maxItemSize ??
      this.#ask({ opcode: Opcode.noop }, (response) => {
        expectOk(response)
        return server.maxItemSize! // It is connected while it answers.
      })
    )
  }

  /** Whether there is a connection that has been used. */
  get isConnected(): boolean {
    return this.server().maxItemSize !== undefined
  }

  /** What `stats` tells, name by name; with a `kind`, what `stats items` and the like tell. */
  figures(kind = ''): Promise<Map<string, string>> {
    return new Promise((resolve, reject) => {
      const figures = new Map<string, string>()
      const onResponse = ({ header, key, val }: Response) => {
        if (header.totalBodyLength === 0) resolve(figures)
        else if (header.status !== Status.ok) reject(unexpected(header.status))
        else figures.set(key.toString('latin1'), val.toString('latin1'))
      }
      onResponse.quiet = true
      this.#hand({ opcode: Opcode.stat, key: kind }, onResponse, reject)
    })
  }

  /** Rejects everything under way. */
  override async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()))
  }

  /** Resolves with what `read` makes of the response, which may also throw. */
  #ask<R>(fields: RequestFields, read: (response: Response) => R): Promise<R> {
    return new Promise((resolve, reject) => {
      const onResponse = (response: Response) => {
        try {
          resolve(read(response))
        } catch (failure) {
          reject(failure)
        }
      }
      this.#hand(fields, onResponse, reject)
    })
  }

  /** What `perform` of memjs does, but for its retries and its log, which nobody wants. */
  #hand(
    fields: RequestFields,
    onResponse: Exchange['onResponse'],
    onError: Exchange['onError'],
  ): void {
    const server = this.server()
    this.incrSeq()
    server.onResponse(this.seq, onResponse)
    server.onError(this.seq, onError)
    server.write(encode(fields, this.seq))
  }
}

function toValue(response: Response): Buffer | undefined {
  return isThere(response) ? response.val : undefined
}

function toItem(response: Response): Item | undefined {
  return isThere(response) ? { value: response.val, cas: response.header.cas } : undefined
}

function isThere(response: Response): boolean {
  if (response.header.status === Status.notFound) return false
  expectOk(response)
  return true
}

function expectOkOrChanged(response: Response): void {
  const { status } = response.header
  if (status !== Status.exists && status !== Status.notFound) expectOk(response)
}

function wasNew(response: Response): boolean {
  if (response.header.status === Status.exists) return false
  expectStored(response)
  return true
}

function wasUnchanged(response: Response): boolean {
  return response.header.status !== Status.notFound && wasNew(response)
}

function expectStored(response: Response): void {
  const { status } = response.header
  if (status === Status.outOfMemory) {
    throw new InsufficientStorageError('memcached has no room for the value')
  }
  if (status === Status.tooLarge)
    throw new TooLargeError('memcached refused the value as too large')
  expectOk(response)
}

function expectOk({ header: { status } }: Response): void {
  if (status !== Status.ok) throw unexpected(status)
}

const unexpected = (status: number) =>
  new ConnectionError('server-error', `memcached answered: ${statusName(status)}`)
