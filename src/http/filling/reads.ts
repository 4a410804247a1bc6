import { LRUCache } from 'lru-cache'
import { isConditional } from '../../api/preconditions.ts'
import {
  BlobcachedError,
  CorruptError,
  type Digest,
  EvictedError,
  type FileStore,
  type Filling,
  type FillOptions,
  NotFoundError,
  type StoredFile,
  UnavailableError,
  type UnusableFile,
} from '../../index.ts'
import type { Origin } from '../../origin/index.ts'
import { answerFile, askedBy, type ContentRef, findFor } from '../content/get.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { Fields } from '../fields/content.ts'
import { HttpProblem, isLost } from '../problem.ts'
import { cacheStatusOf, cacheStatusOfHit, servedAs } from './cache-status.ts'
import { ageOf, isToBeAskedFor } from './kept.ts'
import { type Producing, passAnswer, passFile } from './pass.ts'
import { OriginSource } from './source.ts'

/** Names that are remembered, each with the content that it had last. */
const MAX_NAMES = 16_384
/** How often one request has a file produced again that cannot be read. */
const MAX_HEALS = 2

/** Why a fetch for a range ended: its file is to be passed on in parts. */
const LARGE = new Error('the file is large')

/** Answers reads of files and blobs from the store, and of what it cannot serve from the origin. */
export class FilledReads {
  readonly #store: FileStore
  readonly #source: OriginSource
  readonly #timeoutMs: number
  /** By the hash of the content. */
  readonly #names = new LRUCache<string, string>({ max: MAX_NAMES })

  constructor(store: FileStore, origin: Origin) {
    this.#store = store
    this.#source = new OriginSource(store, origin)
    const { timeoutMs, totalTimeoutMs } = origin.settings
    this.#timeoutMs = Math.min(timeoutMs + totalTimeoutMs, 2 ** 31 - 1)
  }

  /** As `getFile`; asks the origin for what is not there, or cannot be read. */
  async get(exchange: Exchange, ref: ContentRef): Promise<void> {
    let file: StoredFile | undefined
    let unusable: UnusableFile | undefined
    let failure: unknown
    try {
      file = await findFor(exchange, this.#store, ref)
      this.#learn(ref, file)
      if (!isToBeAskedFor(file)) return await this.#answer(exchange, file, ref)
      unusable = { file, reason: 'expired' }
    } catch (error) {
      if (!isFillable(error, file) || exchange.res.headersSent) throw error
      unusable = lost(file, error)
      failure = error
    }
    if (this.#isLoop(exchange) || !this.#isFor(ref)) {
      if (failure !== undefined) throw failure
      return this.#answer(exchange, file!, ref)
    }
    try {
      await this.#fill(exchange, ref, unusable)
    } catch (error) {
      // That the origin has none either tells less than why we have none.
      throw error instanceof NotFoundError && failure instanceof BlobcachedError ? failure : error
    }
  }

  /** @param unusable What was found and cannot be served. */
  async #fill(
    exchange: Exchange,
    ref: ContentRef,
    unusable: UnusableFile | undefined,
  ): Promise<void> {
    const address = this.#addressOf(ref)
    const absence = address && this.#source.absenceOf(address)
    if (absence !== undefined) throw absence
    if ('hash' in ref) {
      return address === undefined
        ? this.#fillByName(exchange, ref.hash, unusable)
        : this.#answerFilled(exchange, ref, unusable)
    }
    const { name } = ref
    const range = plainRange(exchange)
    if (range === undefined) return this.#answerFilled(exchange, ref, unusable)
    if (this.#source.isLarge(name)) return this.#passRange(exchange, name, range)
    const leaving = new AbortController()
    const stop = this.#source.whenLarge(name, () => leaving.abort(LARGE))
    try {
      await this.#answerFilled(exchange, ref, unusable, leaving.signal)
    } catch (error) {
      if (error !== LARGE) throw error
      await this.#passRange(exchange, name, range)
    } finally {
      stop()
    }
  }

  /** @param leave Ends the wait for the origin. */
  async #answerFilled(
    exchange: Exchange,
    ref: ContentRef,
    lacking: UnusableFile | undefined,
    leave?: AbortSignal,
  ): Promise<void> {
    let unusable = lacking
    for (let heals = 0; ; heals++) {
      const filling = await this.#store.fill(
        ref,
        this.#source.produce,
        this.#options(exchange, unusable, leave),
      )
      exchange.filled = servedAs(filling)
      if (isProduced(filling)) return this.#pass(exchange, ref, filling)
      const { file } = filling
      this.#learn(ref, file)
      try {
        return await this.#answer(exchange, file, ref, cacheStatusOf(filling))
      } catch (error) {
        unusable = lost(file, error)
        if (unusable === undefined || heals === MAX_HEALS || exchange.res.headersSent) throw error
      }
    }
  }

  /** Answers with a file while it comes. */
  async #pass(exchange: Exchange, ref: ContentRef, filling: Producing): Promise<void> {
    try {
      const stored = await passFile(exchange, filling, { ref, fieldsOf: ageFields })
      if (stored !== undefined) this.#learn(ref, stored)
    } catch (error) {
      filling.file.cancel() // It may not have been read at all.
      throw error
    }
  }

  #options(
    exchange: Exchange,
    unusable: UnusableFile | undefined,
    leave: AbortSignal | undefined,
  ): FillOptions {
    const { method, headers, query } = exchange
    const isHead = method === 'HEAD'
    const isStream = query.choice('verify', ['full', 'stream']) !== 'full'
    return {
      unusable,
      // What follows needs all of the file: its hash, its size, any part of it.
      whole: isHead || !isStream || headers.range !== undefined || isConditional(headers),
      onUnavailable: 'produce',
      timeoutMs: this.#timeoutMs,
      // HEAD has the file fetched, whether or not its client waits for that.
      ...(!isHead && {
        signal: leave ? AbortSignal.any([exchange.signal, leave]) : exchange.signal,
      }),
    }
  }

  /** Has the file produced again by the name that had the content last. */
  async #fillByName(exchange: Exchange, hash: Digest, lacking: UnusableFile | undefined) {
    const name = this.#names.get(hash.hex)!
    const named = await this.#store.find({ name }).catch(() => undefined)
    let unusable: UnusableFile | undefined
    // Without `lacking` its link by hash is gone alone, which storing the file again brings back.
    if (named?.digest.equals(hash)) unusable = { reason: lacking?.reason ?? 'evicted', file: named }
    const options = { ...this.#options(exchange, unusable, undefined), whole: true }
    const filling = await this.#store.fill({ name }, this.#source.produce, options)
    if (isProduced(filling)) filling.file.cancel()
    const file = await this.#store.find({ hash })
    exchange.filled = servedAs(filling)
    await this.#answer(exchange, file, { hash }, cacheStatusOf(filling))
  }

  async #passRange(exchange: Exchange, name: string, range: string): Promise<void> {
    exchange.filled = 'passed'
    const address = this.#source.addressOf({ name })!
    const answer = await this.#source.part(address, range, exchange.signal)
    const size = 'contentRange' in answer ? sizeIn(answer.contentRange) : undefined
    const known = size ?? ('size' in answer ? answer.size : undefined)
    if (known !== undefined) this.#source.noteSize(name, known)
    if (answer.kind === 'part' || answer.kind === 'content') return passAnswer(exchange, answer)
    if (answer.kind !== 'unsatisfiable') throw new NotFoundError('its origin has no such file')
    throw new HttpProblem('range-not-satisfiable', 'the file has none of these bytes', {
      'Content-Range': answer.contentRange,
    })
  }

  #answer(exchange: Exchange, file: StoredFile, ref: ContentRef, cacheStatus?: string) {
    const why = cacheStatus ?? cacheStatusOfHit(file)
    return answerFile(exchange, this.#store, file, askedBy(ref), {
      fieldsOf: ageFields,
      cacheStatus: why,
    })
  }

  /** Remembers which name to have content produced by. */
  #learn(ref: ContentRef, { hash }: StoredFile): void {
    if ('name' in ref) this.#names.set(hash, ref.name)
  }

  /** Whether the origin may have it. */
  #isFor(ref: ContentRef): boolean {
    if (this.#addressOf(ref) !== undefined) return true
    return 'hash' in ref && this.#names.has(ref.hash.hex)
  }

  #addressOf(ref: ContentRef) {
    return this.#source.addressOf('name' in ref ? ref : { hash: ref.hash.hex })
  }

  /** Whether the request comes from a cache with the same origin, such as this one (RFC 9110, 7.6.3). */
  #isLoop({ headers }: Exchange): boolean {
    return headers.via?.includes(this.#source.origin.pseudonym) === true
  }
}

/** Whether the origin can help: it cannot where what was found is there, and there is no memory to read it. */
function isFillable(error: unknown, file: StoredFile | undefined): boolean {
  if (error instanceof UnavailableError) return file === undefined
  return isLost(error)
}

/** A file that cannot be served, if that is why it failed. */
function lost(file: StoredFile | undefined, error: unknown): UnusableFile | undefined {
  if (file === undefined) return undefined
  if (error instanceof EvictedError) return { file, reason: 'evicted' }
  return error instanceof CorruptError ? { file, reason: 'corrupt' } : undefined
}

/** The Range field of a request for one range, whatever the version of the file. */
function plainRange({ method, headers }: Exchange): string | undefined {
  const { range } = headers
  if (method !== 'GET' || range === undefined || !/^bytes=(?:\d+-\d*|-\d+)$/i.test(range))
    return undefined
  return headers['if-range'] === undefined && !isConditional(headers) ? range : undefined
}

/** The size of the whole that a Content-Range names. */
function sizeIn(contentRange: string): number {
  return Number(contentRange.slice(contentRange.indexOf('/') + 1))
}

function isProduced(filling: Filling): filling is Producing {
  return filling.outcome === 'filling' || filling.outcome === 'unstored'
}

function ageFields(file: StoredFile): Fields {
  const age = ageOf(file)
  return age === undefined ? [] : ['Age', age]
}
