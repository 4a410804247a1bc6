import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { UnavailableError } from '../../errors.ts'
import {
  DamagedError,
  type EngineObserver,
  type EngineStats,
  type GetOptions,
  type Operation,
  type Proof,
  type ServerEngine,
  type SetOptions,
} from '../engine.ts'
import { checkKey } from '../key.ts'
import { Observers } from '../observers.ts'
import type { Address } from './address.ts'
import { Client } from './client.ts'
import type { ConnectionConfig } from './connection.ts'
import { ConnectionError } from './connection-error.ts'
import { toExptime } from './expiry.ts'
import { maxValueSize } from './item-size.ts'
import { type MemcachedOptions, toSettings } from './options.ts'
import { PageMover } from './page-mover.ts'
import { Room } from './room.ts'
import { SecondLook } from './second-look.ts'
import { Server } from './server.ts'
import { toEngineStats } from './stats.ts'

/** One memcached server. */
export class MemcachedEngine implements ServerEngine {
  readonly #name: string
  readonly #client: Client
  readonly #secondLook: SecondLook
  readonly #pageMover: PageMover | undefined
  readonly #room = new Room()
  readonly #observers = new Observers()

  constructor(address: Address, options: MemcachedOptions = {}) {
    const config = toConfig(address, options)
    this.#name = address.name
    const events = {
      up: () => this.#tell('up'),
      down: (error: Error) => this.#tell('down', error),
    }
    const { connections } = config.settings
    this.#client = new Client(Array.from({ length: connections }, () => new Server(config, events)))
    this.#secondLook = new SecondLook(() => new Client([new Server(config)]))
    // Where memcached asks for credentials it speaks the binary protocol only, which moves nothing.
    if ((options.pageMover ?? true) && config.credentials === undefined) {
      this.#pageMover = new PageMover(this.#client, config)
    }
  }

  /** Written out, as what is done most: two promises fewer. */
  async get<T>(key: string, prove: Proof<T>, { discard = false, allocate }: GetOptions = {}) {
    checkKey(key)
    const start = performance.now()
    try {
      const value = await again(() => this.#client.value(key, allocate))
      const proving = value && prove(value)
      let found = proving instanceof Promise ? await proving : proving
      if (value && found === undefined) found = await this.#lookAgain(key, prove, discard)
      this.#observers.succeeded(this.#name, 'get', found, start)
      return found
    } catch (error) {
      this.#observers.failed(this.#name, 'get', error, start)
      throw this.#explain(error)
    }
  }

  set(key: string, value: Buffer, { ttl = 0 }: SetOptions = {}) {
    return this.#run('set', key, async () => {
      const exptime = toExptime(ttl)
      await this.#store(() => again(() => this.#client.store(key, value, exptime)))
      return 1
    })
  }

  add(key: string, value: Buffer, { ttl = 0 }: SetOptions = {}) {
    return this.#run('add', key, async () => {
      // Not twice: it would find its own value and say that somebody else was first.
      const exptime = toExptime(ttl)
      return (await this.#store(() => this.#client.storeNew(key, value, exptime))) ? 1 : 0
    })
  }

  touch(key: string, ttl: number) {
    return this.#run('touch', key, async () => {
      const exptime = toExptime(ttl)
      return again(() => this.#client.extend(key, exptime))
    })
  }

  delete(key: string) {
    return this.#run('delete', key, () => again(() => this.#client.remove(key)))
  }

  look(key: string) {
    return this.#run('get', key, async () => {
      const item = await again(() => this.#client.gets(key))
      const put = (value: Buffer, ttl: number) =>
        this.#run('set', key, async () => {
          const exptime = toExptime(ttl)
          return this.#store(() => this.#client.storeInPlaceOf(item, key, value, exptime))
        })
      return { current: item?.value, put }
    })
  }

  async maxValueSize(keyLength: number): Promise<number> {
    const maxItemSize = await this.#reach(() => this.#client.maxItemSize())
    return maxValueSize(maxItemSize, keyLength)
  }

  async ping(): Promise<void> {
    await this.#reach(() => this.#client.noop())
  }

  async stats(): Promise<EngineStats[]> {
    const server = this.#name
    const start = performance.now()
    try {
      const figures = await again(() => this.#client.figures())
      const latencySeconds = (performance.now() - start) / 1000
      return [{ server, up: true, ...toEngineStats(figures), latencySeconds }]
    } catch (error) {
      return [{ server, up: false, error: error instanceof Error ? error.message : String(error) }]
    }
  }

  observe(observer: EngineObserver): void {
    this.#observers.add(observer)
  }

  async close(): Promise<void> {
    await Promise.all([this.#client.close(), this.#secondLook.close(), this.#pageMover?.close()])
  }

  #store<R>(work: () => Promise<R>): Promise<R> {
    this.#pageMover?.stored()
    return this.#room.store(work)
  }

  /** The last word on a value that did not prove itself. */
  #lookAgain<T>(key: string, prove: Proof<T>, discard: boolean): Promise<T | undefined> {
    return this.#secondLook.read(key, async (item, client) => {
      if (item === undefined) return undefined
      const proven = await prove(item.value)
      if (proven !== undefined) return proven
      // Without a CAS the delete might hit a value that was repaired in the meantime.
      if (discard && item.cas !== 0n) await client.removeUnchanged(key, item.cas)
      throw new DamagedError(key)
    })
  }

  #run<R>(operation: Operation, key: string, work: () => Promise<R>): Promise<R> {
    try {
      checkKey(key)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#observers.operation(this.#name, operation, work, this.#explain)
  }

  async #reach<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await again(work)
    } catch (error) {
      throw this.#explain(error)
    }
  }

  /** Says which server it is that cannot be reached. */
  readonly #explain = (error: unknown) => {
    if (!(error instanceof ConnectionError)) return error
    return new UnavailableError(`memcached ${this.#name}: ${error.message}`, { cause: error })
  }

  #tell(state: 'up' | 'down', error?: Error): void {
    this.#observers.connection(this.#name, state, error)
  }
}

/** Does once more, over a fresh connection, what a broken connection cut short. */
function again<R>(work: () => Promise<R>): Promise<R> {
  return work().catch((error: unknown) => {
    if (error instanceof ConnectionError && error.retryable) return work()
    throw error
  })
}

function toConfig(address: Address, options: MemcachedOptions): ConnectionConfig {
  const { username, password, tls = false } = options
  const own = username !== undefined && password !== undefined ? { username, password } : undefined
  const tlsOptions: TlsOptions = typeof tls === 'object' ? tls : {}
  return {
    address,
    credentials: address.credentials ?? own,
    tls: address.tls || tls ? tlsOptions : undefined,
    settings: toSettings(options),
  }
}
