import { UnavailableError } from '../../errors.ts'
import {
  DamagedError,
  type EngineObserver,
  type EngineStats,
  type GetOptions,
  KeyUnavailableError,
  type Operation,
  type Proof,
  type ServerEngine,
  type SetOptions,
} from '../engine.ts'
import { checkKey } from '../key.ts'
import { Observers } from '../observers.ts'
import type { Address } from './address.ts'
import { Commands } from './commands.ts'
import { ReconnectingConnection } from './connection/reconnecting.ts'
import { ConnectionError } from './connection-error.ts'
import { KnownServer } from './known-server.ts'
import { Lacks } from './lacks.ts'
import { type MemcachedOptions, validateOptions } from './options.ts'
import { PageMover } from './pages/page-mover.ts'
import { Room } from './room.ts'
import { SecondLook } from './second-look.ts'
import { SettingsAdvice } from './server-settings.ts'
import { toEngineStats } from './stats.ts'

/** One memcached server. */
export class MemcachedEngine implements ServerEngine {
  readonly #name: string
  readonly #server: KnownServer
  readonly #commands: Commands
  readonly #secondLook: SecondLook
  readonly #pageMover: PageMover | undefined
  readonly #room = new Room()
  readonly #observers = new Observers()

  /** @throws {InvalidArgumentError} for an option that can never work. */
  constructor(address: Address, options: MemcachedOptions = {}) {
    const settings = validateOptions(address, options)
    this.#name = address.name
    const lacks = new Lacks((ability, without) =>
      this.#observers.lacks(this.#name, ability, without),
    )
    const advice = new SettingsAdvice((text) => this.#observers.advice(this.#name, text))
    this.#server = new KnownServer(settings, lacks, advice)
    const events = {
      up: () => this.#observers.connection(this.#name, 'up'),
      down: (error: Error) => this.#observers.connection(this.#name, 'down', error),
    }
    const connect = (to: Partial<typeof events>) => new ReconnectingConnection(this.#server, to)
    const connections = Array.from({ length: settings.connections }, () => connect(events))
    this.#commands = new Commands(connections, lacks)
    this.#secondLook = new SecondLook(() => new Commands([connect({})], lacks))
    if (options.pageMover ?? true) this.#pageMover = new PageMover(this.#commands, this.#server)
  }

  /** Without `#run`, as the most frequent operation: two promises fewer. */
  async get<T>(key: string, prove: Proof<T>, { discard = false, allocate }: GetOptions = {}) {
    checkKey(key)
    const start = performance.now()
    try {
      const value = await retryOnce(() => this.#commands.get(key, allocate))
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
    return this.#write('set', key, () => retryOnce(() => this.#commands.set(key, value, ttl)))
  }

  add(key: string, value: Buffer, { ttl = 0 }: SetOptions = {}) {
    // Without a retry, which would find what the first try has stored and resolve with 0.
    return this.#write('add', key, () => this.#commands.add(key, value, ttl))
  }

  touch(key: string, ttl: number) {
    return this.#run('touch', key, () => retryOnce(() => this.#commands.touch(key, ttl)))
  }

  delete(key: string) {
    return this.#run('delete', key, () => retryOnce(() => this.#commands.delete(key)))
  }

  look(key: string) {
    return this.#run('get', key, async () => {
      const item = await retryOnce(() => this.#commands.gets(key))
      const put = async (value: Buffer, ttl: number) => {
        const replace = () => this.#commands.replace(item, key, value, ttl)
        return (await this.#write('set', key, replace)) > 0
      }
      return { current: item?.value, put }
    })
  }

  maxValueSize(keyLength: number, usual?: number): Promise<number> {
    if (usual !== undefined) this.#server.advice.expect(usual, keyLength)
    return this.#reach(() => this.#commands.maxValueSize(keyLength))
  }

  ping(): Promise<void> {
    return this.#reach(() => this.#commands.noop())
  }

  async stats(): Promise<EngineStats[]> {
    const server = this.#name
    const start = performance.now()
    try {
      const figures = await retryOnce(() => this.#commands.stats())
      const latencySeconds = (performance.now() - start) / 1000
      const { protocols, lacks, advice } = this.#server
      return [
        {
          server,
          up: true,
          ...toEngineStats(figures),
          latencySeconds,
          protocol: protocols.name!,
          ...(lacks.list.length > 0 && { lacks: lacks.list }),
          ...(advice.list.length > 0 && { advice: advice.list }),
        },
      ]
    } catch (error) {
      return [{ server, up: false, error: error instanceof Error ? error.message : String(error) }]
    }
  }

  observe(observer: EngineObserver): void {
    this.#observers.add(observer)
  }

  async close(): Promise<void> {
    await Promise.all([this.#commands.close(), this.#secondLook.close(), this.#pageMover?.close()])
  }

  /** As `#run`, with fewer promises; resolves with the copies that were written. */
  async #write(operation: Operation, key: string, work: () => Promise<boolean>): Promise<number> {
    checkKey(key)
    const start = performance.now()
    this.#pageMover?.stored()
    try {
      const copies = (await this.#room.store(work)) ? 1 : 0
      this.#observers.succeeded(this.#name, operation, copies, start)
      return copies
    } catch (error) {
      this.#observers.failed(this.#name, operation, error, start)
      throw this.#explain(error)
    }
  }

  /** Reads a value that did not prove itself once more, over a new connection. */
  #lookAgain<T>(key: string, prove: Proof<T>, discard: boolean): Promise<T | undefined> {
    return this.#secondLook.read(key, async (item, commands) => {
      if (item === undefined) return undefined
      const proven = await prove(item.value)
      if (proven !== undefined) return proven
      // Without a CAS it might delete a value that was repaired in the meantime.
      if (discard && item.cas !== 0n) await commands.deleteUnchanged(key, item.cas)
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
      return await retryOnce(work)
    } catch (error) {
      throw this.#explain(error)
    }
  }

  /** Turns a `ConnectionError` into an `UnavailableError` that names the server. */
  readonly #explain = (error: unknown) => {
    if (!(error instanceof ConnectionError)) return error
    const Unavailable = error.code === 'server-error' ? KeyUnavailableError : UnavailableError
    return new Unavailable(`memcached ${this.#name}: ${error.message}`, { cause: error })
  }
}

/** Does `work` once more, over a new connection, if the connection broke. */
function retryOnce<R>(work: () => Promise<R>): Promise<R> {
  return work().catch((error: unknown) => {
    if (error instanceof ConnectionError && error.retryable) return work()
    throw error
  })
}
