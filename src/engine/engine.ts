import { UnavailableError } from '../errors.ts'

/**
 * Turns a stored value into what it stands for. Returns `undefined` when it is not the value that
 * was stored: a chunk whose hash is wrong, a record whose seal is broken. Called once for each copy
 * that is tried. When it returns `undefined` it must not keep or change the value. It may detach
 * the memory of the value, as `postMessage` does, if `allocate` of the caller gave that memory; the
 * caller has to give `bytesOf` then.
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
   * Removes a copy that does not prove itself, unless it was overwritten in the meantime. For
   * content-addressed values only, whose key says what the value must be. Default false.
   */
  discard?: boolean
  /**
   * Returns memory to receive a value of `size` bytes in, for callers that use memory again. Called
   * once for each copy that is read, or never: an engine may use memory of its own. The engine
   * keeps no memory of a copy that it did not hand to the caller. Default: new memory.
   */
  allocate?: (size: number) => Buffer
  /** Returns the bytes of a proven value, for copies of it. Default: the value that was proven. */
  bytesOf?: (proven: T) => Buffer
  /** For values that may be replaced or expire; they are written with `extraCopy`. */
  versions?: Versions<T>
}

/** What an engine with several copies of a value needs to know to keep them equal. */
export interface Versions<T> {
  /**
   * Returns the version. Of copies that prove themselves and differ, the one with the largest is
   * right; of two with the same version, the one whose bytes come later in order.
   */
  of(proven: T): number
  /**
   * Returns the seconds that it has left, 0 for no limit; `undefined` when it must not be written
   * again.
   */
  ttl(proven: T): number | undefined
}

/** Where a value lives and how many copies of it to keep, in an engine with several servers. */
export interface CopyOptions extends PlaceOptions {
  /** One copy more than usual, for small values that lead to others. Default false. */
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
  /** What the proof will make of `value`, with a larger version than any that is known. */
  proven: T
  /** Seconds to live, 0 for no limit. */
  ttl: number
}

/** What the copies were that a successor is asked for. */
export interface Predecessors<T> {
  /** The one that counts, of those that could be read: none that is known to be outdated. */
  newest: T | undefined
  /** The largest version that is known, which the successor's has to pass; 0 if there is none. */
  version: number
  /** Whether a copy was there that did not prove itself. */
  isDamaged: boolean
  /** Whether a server may have kept a copy, since it did not answer. */
  isLeft: boolean
  /** Whether a successor is stored, and asked for again since a server has failed meanwhile. */
  isStored: boolean
}

export interface ReplaceOptions<T> {
  versions: Versions<T>
  /** Replace the copies of servers that are not the key's own too, wherever there are some. Default false. */
  everywhere?: boolean
  /**
   * Whether what is stored depends on what is there. Then `next` is asked with that before anything is stored, and of
   * several such writes in the place of the same copies one is made: `next` is asked again for the others. Default false,
   * which takes fewer trips.
   */
  isConditional?: boolean
}

/**
 * A value as it was when it was looked at, and the way to put another one in its place and in no
 * other's.
 */
export interface Slot {
  readonly current: Buffer | undefined
  /**
   * Stores `value`. Resolves with false, and changes nothing, when `current` is no longer what is
   * there. Rejects as `set` does.
   */
  put(value: Buffer, ttl: number): Promise<boolean>
}

/** What was found and done for the copies of one key. */
export interface CopyReport {
  /** Copies that there should be. */
  wanted: number
  /** Copies that were right. */
  found: number
  /** Copies that were missing, outdated or wrong and have been written again. */
  repaired: number
  /** Servers that should hold a copy and did not answer. */
  silent: number
}

/**
 * Stores values under keys. It may forget any value at any moment and may return a wrong one, but
 * it always tells absence, damage and outage apart.
 *
 * Keys are 1 to 250 bytes of printable ASCII without spaces. Every method may be called any number
 * of times at once. Methods reject with `UnavailableError` when the backend does not answer in
 * time: after the engine's own timeout, or twice that where it retries. They reject with nothing
 * else but what is said here. After `close()` they all reject with `UnavailableError`.
 */
export interface Engine {
  /**
   * Reads the value under `key` and resolves with what `prove` makes of it, or with `undefined`
   * when there is no such key. Reads a value that fails its proof once more, over another
   * connection or from another replica. Never writes again to a buffer that was handed to `prove`.
   * Passes on a rejection of `prove`.
   * @throws {DamagedError} when there is a value and no copy of it proves itself.
   */
  get<T>(key: string, prove: Proof<T>, options?: GetOptions<NoInfer<T>>): Promise<T | undefined>

  /**
   * Stores `value`, replacing any other, and resolves with the number of copies written, at least
   * 1. The caller must not change the bytes until then. When it rejects, the key may hold the old
   * value, the new one or none.
   * @throws {InsufficientStorageError} when the backend has no room for it.
   * @throws {TooLargeError} when it can never be stored; the old value is left alone.
   */
  set(key: string, value: Buffer, options?: SetOptions): Promise<number>

  /** As `set`, but only where there is no such key; resolves with 0 when there is. */
  add(key: string, value: Buffer, options?: SetOptions): Promise<number>

  /** Resolves with whether `key` is there, and has it expire `ttl` seconds from now (0: never). */
  touch(key: string, ttl: number, options?: CopyOptions): Promise<boolean>

  /** Removes `key` and resolves with whether it was there. A key that is not there is no error. */
  delete(key: string, options?: CopyOptions): Promise<boolean>

  /**
   * Reads what is under `key`, for a write that may replace that and nothing else. Engines that keep one
   * copy have it, the others have `replace`.
   */
  look?(key: string): Promise<Slot>

  /**
   * Stores what `next` returns in the place of every copy of `key`, except copies that are newer by
   * then. Resolves with the number of copies that are as new as that, and with 0 when `next` returns
   * `undefined`: then nothing changes. May call `next` again. Only engines that keep several copies
   * have it.
   * @throws {UnavailableError} when there are too few copies for the write to stay; it may or may not
   * have been made then.
   */
  replace?<T>(
    key: string,
    prove: Proof<T>,
    next: (predecessors: Predecessors<T>) => Successor<T> | undefined,
    options: ReplaceOptions<NoInfer<T>>,
  ): Promise<number>

  /**
   * Reads every copy of `key` and, if one proves itself, writes those again that are missing,
   * outdated or wrong. Only engines that keep several copies have it. Rejects as `get` does.
   */
  repair?<T>(
    key: string,
    prove: Proof<T>,
    options?: GetOptions<NoInfer<T>>,
  ): Promise<{ proven: T | undefined; copies: CopyReport }>

  /** How many copies of a value there should be. Only engines with several servers have it. */
  readonly copies?: number

  /**
   * Returns the servers that should hold `key`, the first choice first, as their positions in what `stats`
   * resolves with. Only engines with several servers have it.
   */
  placesOf?(key: string, options?: PlaceOptions): number[]

  /**
   * Resolves with the largest value, in bytes, that fits under a key of `keyLength` bytes.
   * @param usual Bytes of the values that are stored most, so that the engine can advise on them.
   */
  maxValueSize(keyLength: number, usual?: number): Promise<number>

  /** Resolves when the backend answers now. */
  ping(): Promise<void>

  /**
   * Resolves with one entry for each server. Never rejects: a server that does not answer has `up:
   * false`.
   */
  stats(): Promise<EngineStats[]>

  /** Calls `observer` for everything that happens from now on. */
  observe(observer: EngineObserver): void

  /**
   * Rejects everything under way and frees all resources, so that the process can exit. Idempotent.
   */
  close(): Promise<void>
}

/** An engine that can be a server of a fleet. */
export type ServerEngine = Engine & Required<Pick<Engine, 'look'>>

/** The figures of one server; one that it does not tell is left out. */
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
  /** Time that this request for figures took. */
  latencySeconds?: number
  /** The part of all keys, from 0 to 1, for which it is the first choice. */
  weightShare?: number
  /** The part of all operations of the last minutes, from 0 to 1, that went to it. */
  loadShare?: number
  /** Time that hardly any read takes longer than, measured in this process. */
  usualSeconds?: number
  /** Copies that should be on it and could not be written, since this process started. */
  missedCopies?: number
  /**
   * Copies that were missing or wrong on it and have been written again, since this process
   * started.
   */
  repairedCopies?: number
  /** How it is spoken to: `binary`, `meta` or `text`. */
  protocol?: string
  /** What it cannot do and is done without: `settings`, `stats`, `cas`, `touch`, `crawler`, `slabs`. */
  lacks?: string[]
  /** What to change about it, for the values that are stored most. */
  advice?: string[]
  /** Why it is not up. */
  error?: string
}

export type Operation = 'get' | 'set' | 'add' | 'touch' | 'delete'
export type Outcome = 'ok' | 'absent' | 'damaged' | 'failed'

/** Callbacks for metrics and logs; each is called synchronously and must not throw. */
export interface EngineObserver {
  operation?(server: string, operation: Operation, outcome: Outcome, seconds: number): void
  connection?(server: string, state: 'up' | 'down', error?: Error): void
  /** It turned out that a server cannot do something; `without` tells what that means. */
  lacks?(server: string, ability: string, without: string): void
  /** It turned out that a server should be started in another way. */
  advice?(server: string, advice: string): void
  /** A copy that was missing or wrong has been written again. */
  repaired?(server: string, key: string): void
  /** Fewer copies than configured could be written. */
  degraded?(key: string, copies: number, wanted: number): void
}

/** Thrown when a server answers, but not for this key: one behind a proxy is down. */
export class KeyUnavailableError extends UnavailableError {}

/** Thrown when there is a value under the key and no copy of it is the one that was stored. */
export class DamagedError extends Error {
  readonly code = 'damaged'
  readonly key: string

  constructor(key: string) {
    super(`the value under ${key} is not the one that was stored`)
    this.name = 'DamagedError'
    this.key = key
  }
}
