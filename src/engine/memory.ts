import { LRUCache } from 'lru-cache'
import { InvalidArgumentError, TooLargeError, UnavailableError } from '../errors.ts'
import { type NamesOf, refuseUnknown } from '../known-names.ts'
import {
  DamagedError,
  type Engine,
  type EngineObserver,
  type EngineStats,
  type GetOptions,
  type Operation,
  type Proof,
  type ServerEngine,
  type SetOptions,
} from './engine.ts'
import { checkKey, checkTtl } from './key.ts'
import { Observers } from './observers.ts'

/** Bytes of an entry beside its key and value: the map, the list and the Buffer object. */
const ENTRY_OVERHEAD = 200

export interface MemoryOptions {
  /** Bytes to keep at most, with overhead. Default 256 MiB; at least 1 MiB. */
  maxBytes?: number | undefined
}

const OPTIONS: NamesOf<MemoryOptions> = { maxBytes: true }

/** Keeps values in this process, up to a number of bytes. Removes the least recently used first. */
export class MemoryEngine implements ServerEngine {
  readonly #entries: LRUCache<string, Buffer>
  readonly #maxBytes: number
  readonly #startedAt = Date.now()
  readonly #observers = new Observers()
  readonly #counts = { evictions: 0, hits: 0, misses: 0 }
  #closed = false

  constructor(options: MemoryOptions = {}) {
    refuseUnknown('memory()', options, OPTIONS)
    const { maxBytes = 256 * 1024 * 1024 } = options
    if (!Number.isSafeInteger(maxBytes) || maxBytes < 1024 * 1024) {
      throw new InvalidArgumentError('maxBytes must be a whole number of at least 1 MiB', {
        expected: '>= 1048576',
        actual: String(maxBytes),
      })
    }
    this.#maxBytes = maxBytes
    this.#entries = new LRUCache<string, Buffer>({
      maxSize: maxBytes,
      sizeCalculation: (value, key) => key.length + value.length + ENTRY_OVERHEAD,
      ttlResolution: 100,
      dispose: (_value, _key, reason) => {
        if (reason === 'evict') this.#counts.evictions++
      },
    })
  }

  get<T>(key: string, prove: Proof<T>, { discard = false }: GetOptions = {}) {
    return this.#run('get', key, async (): Promise<T | undefined> => {
      const value = this.#entries.get(key)
      if (value === undefined) {
        this.#counts.misses++
        return undefined
      }
      this.#counts.hits++
      const proven = await prove(value)
      if (proven !== undefined) return proven
      if (discard && this.#entries.peek(key) === value) this.#entries.delete(key)
      throw new DamagedError(key)
    })
  }

  set(key: string, value: Buffer, { ttl = 0 }: SetOptions = {}) {
    return this.#run('set', key, async () => {
      this.#store(key, value, ttl)
      return 1
    })
  }

  add(key: string, value: Buffer, { ttl = 0 }: SetOptions = {}) {
    return this.#run('add', key, async () => {
      if (this.#entries.has(key)) return 0
      this.#store(key, value, ttl)
      return 1
    })
  }

  touch(key: string, ttl: number) {
    return this.#run('touch', key, async () => {
      checkTtl(ttl)
      const value = this.#entries.get(key)
      if (value === undefined) return false
      this.#entries.set(key, value, { ttl: ttl * 1000 })
      return true
    })
  }

  delete(key: string) {
    return this.#run('delete', key, async () => this.#entries.delete(key))
  }

  look(key: string) {
    return this.#run('get', key, async () => {
      const current = this.#entries.get(key)
      const put = (value: Buffer, ttl: number) =>
        this.#run('set', key, async () => {
          if (this.#entries.peek(key) !== current) return false
          this.#store(key, value, ttl)
          return true
        })
      return { current, put }
    })
  }

  async maxValueSize(keyLength: number): Promise<number> {
    this.#checkOpen()
    return this.#maxBytes - keyLength - ENTRY_OVERHEAD
  }

  async ping(): Promise<void> {
    this.#checkOpen()
  }

  async stats(): Promise<EngineStats[]> {
    return [
      {
        server: 'memory',
        up: !this.#closed,
        items: this.#entries.size,
        bytes: this.#entries.calculatedSize,
        limitBytes: this.#maxBytes,
        ...this.#counts,
        uptimeSeconds: Math.floor((Date.now() - this.#startedAt) / 1000),
      },
    ]
  }

  observe(observer: EngineObserver): void {
    this.#observers.add(observer)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#entries.clear()
  }

  #store(key: string, value: Buffer, ttl: number): void {
    checkTtl(ttl)
    const limit = this.#maxBytes - key.length - ENTRY_OVERHEAD
    if (value.length > limit) {
      throw new TooLargeError(`a value of ${value.length} bytes does not fit the memory engine`, {
        expected: `at most ${limit} bytes`,
        actual: `${value.length} bytes`,
      })
    }
    // A copy: the caller may change its buffer, and a small slice would keep a large buffer alive.
    const copy = Buffer.allocUnsafeSlow(value.length)
    value.copy(copy)
    this.#entries.set(key, copy, { ttl: ttl * 1000 })
  }

  async #run<R>(operation: Operation, key: string, work: () => R | Promise<R>): Promise<R> {
    checkKey(key)
    return this.#observers.operation('memory', operation, () => {
      this.#checkOpen()
      return work()
    })
  }

  #checkOpen(): void {
    if (this.#closed) throw new UnavailableError('the memory engine is closed')
  }
}

/**
 * Keeps files in this process, up to a number of bytes, until it ends.
 * @throws {InvalidArgumentError} for an option that can never work.
 */
export function memory(options?: MemoryOptions): Engine {
  return new MemoryEngine(options)
}
