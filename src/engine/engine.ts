/**
 * Turns a stored value into what it stands for, or into `undefined` when it is not the value that
 * was stored: a chunk whose hash is wrong, a record whose seal is broken. Called as often as there
 * are copies to try; it must not keep or change the value when it returns `undefined`.
 */
export type Proof<T> = (value: Buffer) => T | undefined | Promise<T | undefined>

export interface GetOptions {
  /**
   * Remove a copy that does not prove itself, unless it was overwritten in the meantime.
   * For content-addressed values only: the key says what the value must be. Default false.
   */
  discard?: boolean
  /**
   * Where a value of `size` bytes is received, for callers that use memory again; an engine may
   * have memory of its own instead. Asked once for each copy that is read, and a copy that was not
   * handed to the caller is forgotten. Default: new memory.
   */
  allocate?: (size: number) => Buffer
}

export interface SetOptions {
  /** Seconds to live, a whole number; 0, the default, is for as long as there is room. */
  ttl?: number
}

/**
 * Where keys and values live. It may forget any value at any moment and may hand back a wrong
 * one; what it must never do is blur absence, damage and outage.
 *
 * Keys are 1 to 250 bytes of printable ASCII without spaces. Every method may be called any
 * number of times at once. Methods reject with `UnavailableError` when the backend does not answer
 * in time (never later than the engine's own timeout, or twice that where a retry is allowed), and
 * with nothing else but what is said here. After `close()` they all reject with `UnavailableError`.
 */
export interface Engine {
  /**
   * Reads the value under `key` and resolves with what `prove` makes of it, or with `undefined`
   * when there is no such key. A value that fails its proof is read once more by another way
   * (another connection, another replica). Buffers handed to `prove` are never written to again.
   * @throws {DamagedError} when there is a value and no copy of it proves itself.
   * A rejection of `prove` itself is passed on.
   */
  get<T>(key: string, prove: Proof<T>, options?: GetOptions): Promise<T | undefined>

  /**
   * Stores `value`, replacing any other, and resolves with the number of copies written, at least
   * 1. The caller leaves the bytes alone until then. When it rejects, the key may hold the old
   * value, the new one or none.
   * @throws {InsufficientStorageError} when the backend has no room for it.
   * @throws {TooLargeError} when it can never be stored; the old value is left alone.
   */
  set(key: string, value: Buffer, options?: SetOptions): Promise<number>

  /** As `set`, but only where there is no such key; resolves with 0 when there is. */
  add(key: string, value: Buffer, options?: SetOptions): Promise<number>

  /** Whether `key` is there; if so, its life is extended to `ttl` seconds from now (0: for ever). */
  touch(key: string, ttl: number): Promise<boolean>

  /** Removes `key`. Resolves with whether it was there; removing what is not there is no error. */
  delete(key: string): Promise<boolean>

  /** The largest value, in bytes, that can be stored under a key of `keyLength` bytes. */
  maxValueSize(keyLength: number): Promise<number>

  /** Resolves when the backend answers now. */
  ping(): Promise<void>

  /** One entry a backend server. Never rejects: a server that does not answer has `up: false`. */
  stats(): Promise<EngineStats[]>

  /** Tells `observer` of everything that happens from now on. */
  observe(observer: EngineObserver): void

  /** Settles everything under way and frees every resource; the process can exit. Idempotent. */
  close(): Promise<void>
}

/** What an operator asks of one backend server; a figure that it does not tell is left out. */
export interface EngineStats {
  /** `memory`, or the server's address without credentials. */
  server: string
  up: boolean
  version?: string
  items?: number
  bytes?: number
  limitBytes?: number
  evictions?: number
  hits?: number
  misses?: number
  connections?: number
  uptimeSeconds?: number
  /** Time the last probe took. */
  latencySeconds?: number
  /** Why it is not up. */
  error?: string
}

export type Operation = 'get' | 'set' | 'add' | 'touch' | 'delete'
export type Outcome = 'ok' | 'absent' | 'damaged' | 'failed'

/** Callbacks for metrics and logs; each is called synchronously and must not throw. */
export interface EngineObserver {
  operation?(server: string, operation: Operation, outcome: Outcome, seconds: number): void
  connection?(server: string, state: 'up' | 'down', error?: Error): void
  /** A copy that was missing or wrong has been written again. */
  repaired?(server: string, key: string): void
  /** Fewer copies than configured could be written. */
  degraded?(key: string, copies: number, wanted: number): void
}

/** There is a value under the key, and no copy of it is the one that was stored. */
export class DamagedError extends Error {
  readonly code = 'damaged'
  readonly key: string

  constructor(key: string) {
    super(`the value under ${key} is not the one that was stored`)
    this.name = 'DamagedError'
    this.key = key
  }
}
