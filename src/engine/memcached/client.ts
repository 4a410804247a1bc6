import memjs from 'memjs'
import { InsufficientStorageError, TooLargeError } from '../../errors.ts'
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

type Fields = Omit<RequestFields, 'opaque'>

/**
 * A memjs client whose servers are connections to one and the same memcached. It encodes its requests
 * itself, so that values are not copied and items can be deleted by their CAS.
 * Everything rejects with `ConnectionError` unless it says more.
 */
export class Client extends memjs.Client {
  declare readonly servers: Server[]

  constructor(servers: Server[]) {
    super(servers, { retries: 1, logger: { log: () => {} } })
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
  async gets(key: string, allocate?: Allocate): Promise<Item | undefined> {
    const { header, val } = await this.#ask({ opcode: Opcode.get, key, allocate })
    if (header.status === Status.notFound) return undefined
    expectOk(header.status)
    return { value: val, cas: header.cas }
  }

  /** @throws {InsufficientStorageError | TooLargeError} */
  async store(key: string, value: Buffer, exptime: number): Promise<void> {
    const extras = [0, exptime]
    const { header } = await this.#ask({ opcode: Opcode.set, key, extras, value })
    expectStored(header.status)
  }

  /**
   * Whether it was stored: not when there is such a key.
   * @throws {InsufficientStorageError | TooLargeError}
   */
  async storeNew(key: string, value: Buffer, exptime: number): Promise<boolean> {
    const extras = [0, exptime]
    const { header } = await this.#ask({ opcode: Opcode.add, key, extras, value })
    if (header.status === Status.exists) return false
    expectStored(header.status)
    return true
  }

  async extend(key: string, exptime: number): Promise<boolean> {
    return this.#isThere({ opcode: Opcode.touch, key, extras: [exptime] })
  }

  async remove(key: string): Promise<boolean> {
    return this.#isThere({ opcode: Opcode.delete, key })
  }

  /** Removes the item unless it was written since. */
  async removeUnchanged(key: string, cas: bigint): Promise<void> {
    const { header } = await this.#ask({ opcode: Opcode.delete, key, cas })
    if (header.status !== Status.exists && header.status !== Status.notFound)
      expectOk(header.status)
  }

  async noop(): Promise<void> {
    const { header } = await this.#ask({ opcode: Opcode.noop })
    expectOk(header.status)
  }

  /** The server's limit for an item as a whole, as of now. */
  async maxItemSize(): Promise<number> {
    const server = this.server()
    await this.noop()
    return server.maxItemSize!
  }

  /** What `stats` tells, name by name. */
  figures(): Promise<Map<string, string>> {
    return new Promise((resolve, reject) => {
      const figures = new Map<string, string>()
      const server = this.server()
      this.incrSeq()
      const onResponse = ({ header, key, val }: Response) => {
        if (header.totalBodyLength === 0) resolve(figures)
        else if (header.status !== Status.ok) reject(unexpected(header.status))
        else figures.set(key.toString('latin1'), val.toString('latin1'))
      }
      onResponse.quiet = true
      server.onResponse(this.seq, onResponse)
      server.onError(this.seq, reject)
      server.write(encode({ opcode: Opcode.stat, opaque: this.seq }))
    })
  }

  /** Rejects everything under way. */
  override async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()))
  }

  async #isThere(fields: Fields): Promise<boolean> {
    const { header } = await this.#ask(fields)
    if (header.status === Status.notFound) return false
    expectOk(header.status)
    return true
  }

  #ask(fields: Fields): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.incrSeq()
      const request = encode({ ...fields, opaque: this.seq })
      this.perform(fields.key ?? '', request, this.seq, (error, response) => {
        if (error) reject(error)
        else resolve(response)
      })
    })
  }
}

function expectStored(status: number): void {
  if (status === Status.outOfMemory) {
    throw new InsufficientStorageError('memcached has no room for the value')
  }
  if (status === Status.tooLarge)
    throw new TooLargeError('memcached refused the value as too large')
  expectOk(status)
}

function expectOk(status: number): void {
  if (status !== Status.ok) throw unexpected(status)
}

const unexpected = (status: number) =>
  new ConnectionError('server-error', `memcached answered: ${statusName(status)}`)
