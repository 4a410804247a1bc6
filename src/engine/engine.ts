/**
 * Turns a stored value into what it stands for, or into `undefined` when it is not the value that
 * was stored: a chunk whose hash is wrong, a record whose seal is broken. Called as often as there
 * are copies to try; it must not keep or change the value when it returns `undefined`. It may take
 * the memory of the value away, as `postMessage` does, if the caller's own `allocate` gave that; what it
 * returns are the bytes of the value then.
 */
export type Proof<T> = (value: Buffer) => T | undefined | Promise<T | undefined>

/** Where a value lives, where there are several servers. */
export interface PlaceOptions {
  /**
   * Another key, on whose servers it is wanted: what is read together is then lost together, and
   * nothing else with it. Has to be the same for all who ask for the key; where it was not
   * given when the value was stored, `get`, `touch` and `repair` look in the key's own place too.
   */
  near?: string | undefined
}

export interface GetOptions<T = unknown> extends PlaceOptions {
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
  /** For values that others may replace or that end; they are written with `extraCopy`. */
  versions?: Versions<T>
}

/** What an engine with several copies of a value needs to know to keep them alike. */
export interface Versions<T> {
  /**
   * Of copies that prove themselves and differ, the one for which this is largest counts; of two with
   * the same version, the one whose bytes come later in order.
   */
  of(proven: T): number
  /** Seconds that it has left to live, 0 for no limit; `undefined` when it must not be written again. */
  ttl(proven: T): number | undefined
}

/** Where a value lives and how many copies it is worth, where there are several at all. */
export interface CopyOptions extends PlaceOptions {
  /** One more than usual, for small values that lead to others. Default false. */
  extraCopy?: boolean
}

export interface SetOptions extends CopyOptions {
  /** Seconds to live, a whole number; 0, the default, is for as long as there is room. */
  ttl?: number
  /**
   * Called for a server that is passed over because it takes unusually long: the caller leaves the bytes
   * alone until `ended` resolves, and for good when that is with false. Without it `set` waits for all servers.
   */
  lingering?: (ended: Promise<boolean>) => void
}

/** What takes the place of every copy of a value. */
export interface Successor<T> {
  value: Buffer
  /** What the proof will make of `value`. Its version has to be larger than that of the newest copy. */
  proven: T
  /** Seconds to live, 0 for no limit. */
  ttl: number
}

/** What the copies were that a successor is asked for. */
export interface Predecessors<T> {
  /** The one that counts, of those that could be read. */
  newest: T | undefined
  /** Whether a copy was there that did not prove itself. */
  isDamaged: boolean
  /** Whether a server may have kept a copy, since it did not answer. */
  isLeft: boolean
}

export interface ReplaceOptions<T> {
  versions: Versions<T>
  /** Replace the copies of servers that are not the key's own too, wherever there are some. Default false. */
  everywhere?: boolean
}

/**
 * A value as it was when it was looked at, and the way to put another one in its place and in no
 * other's.
 */
export interface Slot {
  readonly current: Buffer | undefined
  /**
   * Stores `value`; resolves with false, and changes nothing, when `current` is no longer what is
   * there. Rejects as `set` does.
   */
  put(value: Buffer, ttl: number): Promise<boolean>
}

/** How the copies of one key were found, and left. */
export interface CopyReport {
  /** Copies that there should be. */
  wanted: number
  /** Those that were right. */
  found: number
  /** Those that were missing, outdated or wrong and have been written again. */
  repaired: number
  /** Servers that should hold one and did not answer. */
  silent: number
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
  get<T>(key: string, prove: Proof<T>, options?: GetOptions<NoInfer<T>>): Promise<T | undefined>

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
  touch(key: string, ttl: number, options?: CopyOptions): Promise<boolean>

  /** Removes `key`. Resolves with whether it was there; removing what is not there is no error. */
  delete(key: string, options?: CopyOptions): Promise<boolean>

  /**
   * Reads what is under `key`, for a write that may replace that and nothing else. Only engines that
   * keep one copy have it.
   */
  look?(key: string): Promise<Slot>

  /**
   * Puts what `next` returns in the place of every copy of `key`; copies that are newer by then stay. Resolves
   * with the number of copies that are as new as that. `next` may be asked again. Only engines that keep
   * several copies have it.
   * @throws {UnavailableError} when there are too few copies for the write to stay; it may or may not
   * have been made then.
   */
  replace?<T>(
    key: string,
    prove: Proof<T>,
    next: (predecessors: Predecessors<T>) => Successor<T>,
    options: ReplaceOptions<NoInfer<T>>,
  ): Promise<number>

  /**
   * Reads every copy of `key` and writes those again that are missing, outdated or wrong, where
   * one proves itself. Only engines that keep several copies have it. Rejects as `get` does.
   */
  repair?<T>(
    key: string,
    prove: Proof<T>,
    options?: GetOptions<NoInfer<T>>,
  ): Promise<{ proven: T | undefined; copies: CopyReport }>

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

/** An engine that can be a server of a fleet. */
export type ServerEngine = Engine & Required<Pick<Engine, 'look'>>

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
  /** Pages of memory, of 1 MiB, that went from one size of values to another. */
  movedPages?: number
  hits?: number
  misses?: number
  connections?: number
  uptimeSeconds?: number
  /** Time the last probe took. */
  latencySeconds?: number
  /** The part of all keys, from 0 to 1, that it is the first to hold. */
  weightShare?: number
  /** The part of all operations of the last minutes, from 0 to 1, that went to it. */
  loadShare?: number
  /** Time that reads usually take, outliers aside, as seen from here. */
  usualSeconds?: number
  /** Copies that belonged on it and were not written, since this process started. */
  missedCopies?: number
  /** Copies that were missing or wrong on it and have been written again, likewise. */
  repairedCopies?: number
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
