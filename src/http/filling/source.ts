import { LRUCache } from 'lru-cache'
import {
  type FileStore,
  NotFoundError,
  type ProduceContext,
  type ProducedSource,
  type StoredFile,
  type Unchanged,
} from '../../index.ts'
import {
  type Address,
  type Origin,
  type OriginAnswer,
  OriginError,
  type OriginRequest,
  OtherVersionError,
} from '../../origin/index.ts'
import { encodingOf, keepFresh, keepStale, validatorsOf } from './kept.ts'

/** Names that are remembered at most, of each kind. */
const MAX_NAMES = 16_384
/** Bytes of failures that are remembered at most: names may be long, and are what clients ask for. */
const MAX_FAILURES = 16 * 1024 * 1024
/** Bytes of an error beside its message, about. */
const FAILURE = 1000
/** Milliseconds for which the origin is not asked again after it has failed. */
const FAILED_MS = 1000
/** Milliseconds for which it is remembered that a file is large, unless an answer says that it no longer is. */
const LARGE_MS = 3_600_000

type FileRequest = Omit<OriginRequest, 'maxSize'>

/** What the origin can produce, in the terms of `FileStore.fill`. */
export class OriginSource {
  readonly origin: Origin
  readonly #store: FileStore
  /** Why the origin is not asked again for a moment, by the address. */
  readonly #failures = new LRUCache<string, Error>({
    max: MAX_NAMES,
    maxSize: MAX_FAILURES,
    // Two bytes a character at worst, and of the message twice as many: the trace has it as well.
    sizeCalculation: ({ message }, key) => FAILURE + 2 * key.length + 4 * message.length,
  })
  /** Names of files of which ranges are passed on. */
  readonly #large = new LRUCache<string, true>({ max: MAX_NAMES, ttl: LARGE_MS })
  /** What to call when a file turns out to be large, by its name. */
  readonly #onLarge = new Map<string, Set<() => void>>()

  constructor(store: FileStore, origin: Origin) {
    this.origin = origin
    this.#store = store
  }

  /** The error for what the origin has said a moment ago that it does not have. */
  absenceOf(address: Address): NotFoundError | undefined {
    const failure = this.#failures.get(keyOf(address))
    return failure instanceof NotFoundError ? failure : undefined
  }

  isLarge(name: string): boolean {
    return this.#large.has(name)
  }

  /** Calls `then` when the file turns out to be large, until the returned function is called. */
  whenLarge(name: string, then: () => void): () => void {
    const all = this.#onLarge.get(name) ?? new Set()
    this.#onLarge.set(name, all.add(then))
    return () => {
      all.delete(then)
      if (all.size === 0 && this.#onLarge.get(name) === all) this.#onLarge.delete(name)
    }
  }

  /** Where the origin has a file or content; `undefined` where it can have none. */
  addressOf({ name, hash }: { name?: string | undefined; hash?: string | undefined }) {
    const { addresses } = this.origin
    if (name !== undefined) return addresses.ofName(name)
    return hash === undefined ? undefined : addresses.ofHash(hash)
  }

  /** Asks for a part of a file, past the store. */
  async part(address: Address, range: string, signal: AbortSignal): Promise<OriginAnswer> {
    return this.#fetch({ address, range, signal })
  }

  /** Tells those who wait for a part of the file if it is large. */
  noteSize(name: string, size: number): void {
    if (size <= this.origin.settings.rangeLimit) return void this.#large.delete(name)
    this.#large.set(name, true)
    for (const tell of this.#onLarge.get(name) ?? []) tell()
  }

  /**
   * Asks the origin for a file: once for all who wait for it, which `FileStore.fill` sees to. What it does not
   * have, and its failures, are remembered for a while.
   * @throws {NotFoundError} when the origin does not have it.
   * @throws {OriginError | UnavailableError}
   */
  readonly produce = async (context: ProduceContext): Promise<ProducedSource | Unchanged> => {
    const { stale } = context
    try {
      return await this.#ask(context)
    } catch (error) {
      const allowsStale = error instanceof OriginError && error.allowsStale
      const keep = stale && allowsStale && keepStale(stale, error.reason)
      if (keep) return { unchanged: true, ...keep }
      throw error
    }
  }

  async #ask(context: ProduceContext): Promise<ProducedSource | Unchanged> {
    const { name, hash, stale, signal } = context
    const address = this.addressOf(context)
    if (address === undefined) throw notThere(context)
    const failure = this.#failures.get(keyOf(address))
    if (failure !== undefined) throw failure
    try {
      const answer = await this.#fetchUnlessSame({ address, hash, signal }, stale)
      if (answer.kind === 'content') {
        answer.body.once('error', (error) => this.#remember(address, error, FAILED_MS))
        if (!answer.freshness.isStorable) void this.#drop(name, stale)
        return this.#content(answer, name)
      }
      if (answer.kind === 'unchanged') return unchanged(answer, stale!)
    } catch (error) {
      const { size } = error instanceof OriginError ? error : {}
      if (name !== undefined && size !== undefined) this.noteSize(name, size)
      this.#remember(address, error, FAILED_MS)
      throw error
    }
    await this.#drop(name, stale)
    const absent = notThere(context)
    this.#remember(address, absent, this.origin.settings.negativeTtl * 1000)
    throw absent
  }

  /**
   * Forgets a stale file that the origin no longer has, or has another one of that is not to be stored: it is not
   * served because it is stale only, nor when the origin fails later.
   */
  async #drop(name: string | undefined, stale: StoredFile | undefined): Promise<void> {
    if (stale === undefined || name === undefined) return
    await this.#store.delete({ name }, { only: stale }).catch(() => {})
  }

  /** Asks for a file; where one is stale, whether that is still the same, if the origin can tell. */
  async #fetchUnlessSame(request: FileRequest, stale: StoredFile | undefined) {
    const validators = stale && validatorsOf(stale)
    if (validators === undefined) return this.#fetch(request)
    const answer = await this.#fetch({ ...request, validators }).catch((error: unknown) => {
      if (error instanceof OtherVersionError) return undefined
      throw error
    })
    // RFC 9111, 4.3.4: such a 304 renews nothing. Neither does one that lets nothing be stored.
    const isOfNoUse =
      answer === undefined || (answer.kind === 'unchanged' && !answer.freshness.isStorable)
    return isOfNoUse ? this.#fetch(request) : answer
  }

  #remember(address: Address, failure: unknown, ms: number): void {
    const isOurs = failure instanceof OriginError || failure instanceof NotFoundError
    if (isOurs && ms > 0) this.#failures.set(keyOf(address), failure, { ttl: ms })
  }

  async #fetch(request: FileRequest): Promise<OriginAnswer> {
    // While memcached is down, what its chunks could hold is unknown.
    const maxSize = await this.#store.maxFileSize().catch(() => this.#store.fileSizeLimit)
    return this.origin.fetch({ ...request, maxSize })
  }

  #content(answer: OriginAnswer & { kind: 'content' }, name: string | undefined): ProducedSource {
    const { body, type, size, freshness, validators } = answer
    if (name !== undefined && size !== undefined) this.noteSize(name, size)
    const common = {
      source: body,
      store: freshness.isStorable,
      ...(size !== undefined && { size }),
    }
    // By hash nothing else is kept, and content never changes.
    if (name === undefined) return common
    return {
      ...common,
      ...(type !== undefined && { type }),
      ...keepFresh(freshness, validators, answer),
    }
  }
}

function keyOf({ origin, path }: Address): string {
  return origin.origin + path
}

function notThere({ name, hash }: ProduceContext): NotFoundError {
  const what = name === undefined ? `content ${hash}` : `file ${JSON.stringify(name)}`
  return new NotFoundError(`there is no ${what}, and its origin has none`)
}

function unchanged(
  { freshness, validators }: OriginAnswer & { kind: 'unchanged' },
  stale: StoredFile,
): Unchanged {
  return { unchanged: true, ...keepFresh(freshness, validators, { encoding: encodingOf(stale) }) }
}
