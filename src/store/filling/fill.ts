import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from '../../engine/engine.ts'
import {
  EvictedError,
  InsufficientStorageError,
  TooLargeError,
  UnavailableError,
} from '../../errors.ts'
import type { ParsedRef } from '../file-ref.ts'
import type { Budgets } from '../memory/budgets.ts'
import type { ByteBudget } from '../memory/byte-budget.ts'
import type { Finder } from '../reading/finder.ts'
import type { StoredFile } from '../reading/stored-file.ts'
import type { Keys } from '../records/keys.ts'
import type { Link } from '../records/link.ts'
import type { Work } from '../shared-work.ts'
import { type CommitOptions, type Committer, OvertakenError } from '../writing/commit.ts'
import type { Uploads } from '../writing/upload.ts'
import { abandon, callProduce, expectSource, isRepeatable, keepOf, splitOf } from './call.ts'
import { FillLease } from './lease.ts'
import { lookUp, type Missing } from './look.ts'
import type { FillOptions, Produce, ProducedSource, Unchanged } from './produce.ts'
import type { Incoming } from './reader.ts'
import { StoredChunks } from './stored-chunks.ts'

/** Milliseconds between looks whether another process is done: the first pause, which doubles up to the second. */
const PAUSE_MS = { first: 20, most: 1000 }
const TIMEOUT_MS = 600_000

/** What a fill works with; made by `FileStore` alone. */
export interface FillTools {
  readonly engine: Engine
  readonly keys: Keys
  readonly finder: Finder
  readonly uploads: Uploads
  readonly committer: Committer
  readonly budgets: Budgets
  /** Bytes. */
  readonly chunkSize: number
  /** One for each call of `produce` that is under way. */
  readonly slots: ByteBudget
}

export interface FillRequest {
  readonly ref: ParsedRef
  readonly produce: Produce
  readonly options: FillOptions
  /** Whether the caller takes the bytes as they come. */
  readonly mayStream: boolean
  /** Whether the caller takes a file that is not stored. */
  readonly takesUnstored: boolean
  /** How often the file was replaced or deleted while this caller waited for it. */
  readonly overtaken: number
}

/** What came of a fill: a link, or bytes that are not stored. */
export type Filled =
  | { readonly outcome: 'filled' | 'renewed' | 'waited'; readonly link: Link }
  | Unstored

interface Unstored {
  readonly outcome: 'unstored'
  /** What other callers can have too; not what can be read once. */
  readonly produced?: ProducedSource | undefined
  /** Why it could not be stored. */
  readonly error?: unknown
  /** Whether the file was replaced or deleted after this fill began. */
  readonly isOvertaken?: true
}

/** Gives the first caller what it need not wait for. */
export type HandOver = (bytes: HandedOver) => void

export interface HandedOver extends Incoming {
  readonly keep: CommitOptions
  /** Whether the bytes are being stored as well. */
  readonly isStored: boolean
}

/** Produces one file for all callers of this process, and, while it holds the lease, of all others. */
export class Fill {
  readonly #tools: FillTools
  readonly #request: FillRequest
  readonly #handOver: HandOver
  readonly #signal: AbortSignal
  readonly #end: (reason: unknown) => void

  /** @param work.end Aborts the signal. */
  constructor(tools: FillTools, request: FillRequest, handOver: HandOver, work: Work) {
    this.#tools = tools
    this.#request = request
    this.#handOver = handOver
    this.#signal = work.signal
    this.#end = work.end
  }

  /** Rejects when the file could not be produced, and when all callers have left. */
  async run(missing: Missing): Promise<Filled> {
    if (missing.reason === 'unavailable') return this.produceUnstored(missing)
    for (let pause = PAUSE_MS.first; ; pause = Math.min(2 * pause, PAUSE_MS.most)) {
      const lease = await this.#takeLease()
      try {
        const filled = await this.#fillUnlessTaken(lease)
        if (filled !== undefined) return filled
      } finally {
        const released = lease instanceof FillLease ? lease.release() : undefined
        if (this.#signal.aborted) await released // The store may be about to close.
      }
      await this.#sleep(pause * (0.5 + Math.random() / 2))
    }
  }

  async #sleep(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { signal: this.#signal })
    } catch {
      this.#signal.throwIfAborted() // With its reason, which `sleep` does not pass on.
    }
  }

  async #fillUnlessTaken(lease: FillLease | 'taken' | undefined): Promise<Filled | undefined> {
    // Another process may have stored it since it was looked for.
    const { ref, options } = this.#request
    const look = await lookUp(this.#tools.finder, ref, { unusable: options.unusable })
    if (look.missing === undefined) return { outcome: 'waited', link: look.found.link }
    const { missing } = look
    if (missing.reason === 'unavailable') return this.produceUnstored(missing)
    return lease === 'taken' ? undefined : this.#produce(missing)
  }

  /** Resolves with `undefined` where no lease can be had: the file is produced without one. */
  async #takeLease(): Promise<FillLease | 'taken' | undefined> {
    const { engine, keys } = this.#tools
    try {
      return (await FillLease.take(engine, keys.lease(this.#request.ref))) ?? 'taken'
    } catch (error) {
      if (isStoringFailure(error)) return undefined
      throw error
    }
  }

  #produce(missing: Missing): Promise<Filled> {
    return this.#inTime(async () => {
      const produced = await callProduce(this.#request, missing, this.#signal)
      if (missing.stale === undefined || !('unchanged' in produced)) {
        return this.#take(expectSource(produced), missing)
      }
      const renewed = await this.#renew(produced, missing.stale, missing)
      if (renewed !== undefined) return renewed
      const again = await callProduce(this.#request, { reason: 'evicted' }, this.#signal)
      return this.#take(expectSource(again), missing)
    })
  }

  /** Does `work` when its turn comes, and ends it when it takes too long. */
  async #inTime<T>(work: () => Promise<T>): Promise<T> {
    const slot = await this.#tools.slots.acquire(1, 1, { signal: this.#signal })
    const { timeoutMs = TIMEOUT_MS } = this.#request.options
    const timer = setTimeout(() => {
      this.#end(new UnavailableError(`it took more than ${timeoutMs} ms to produce the file`))
    }, timeoutMs)
    try {
      return await work()
    } finally {
      clearTimeout(timer)
      slot.release()
    }
  }

  /** Stores what was produced, or hands it on where it is not to be stored. */
  async #take(produced: ProducedSource, missing: Missing): Promise<Filled> {
    return produced.store === false ? this.#pass(produced) : this.#store(produced, missing)
  }

  async #store(produced: ProducedSource, { seen }: Missing): Promise<Filled> {
    const { ref, options, mayStream } = this.#request
    const isShared = mayStream && ref.hash === undefined
    const split = splitOf(produced, isShared)
    const memory = isShared ? this.#tools.budgets.tryHold(split.lag) : undefined
    if (isShared && memory === undefined) split.leaveBehind()
    const chunks = new StoredChunks()
    const keep = keepOf(ref, produced, options)
    if (isShared) this.#handOver({ split, chunks, memory, keep, isStored: true })
    const digest = ref.hash ?? produced.digest
    try {
      const { link } = await this.#tools.uploads.put(split.pieces, {
        ...keep,
        digest,
        over: seen,
        size: split.size,
        onChunk: isShared ? chunks.add : undefined,
        signal: this.#signal,
      })
      chunks.end()
      split.endStoring()
      return { outcome: 'filled', link }
    } catch (error) {
      if (error instanceof OvertakenError) {
        chunks.end()
        split.endStoring()
        return { outcome: 'unstored', isOvertaken: true }
      }
      chunks.end({ error })
      const isOurs = split.failure === undefined && !this.#signal.aborted && isStoringFailure(error)
      split.endStoring(isOurs ? undefined : error)
      if (!isOurs) throw error
      return { outcome: 'unstored', error, ...(isRepeatable(produced) && { produced }) }
    }
  }

  /** Makes the stale file valid again; resolves with `undefined` when its chunks are gone. */
  async #renew(
    unchanged: Unchanged,
    stale: StoredFile,
    { seen }: Missing,
  ): Promise<Filled | undefined> {
    const { committer } = this.#tools
    const { ref, options } = this.#request
    const { manifest, type, attributes } = stale
    const keep = keepOf(ref, unchanged, { ...options, ...(type && { type }), attributes })
    const over = seen && { ...seen, mustBeThere: true }
    const commit = committer.validate({ ...keep, over, signal: this.#signal })
    try {
      await stale.probe(this.#signal)
      const written = { manifest, copies: Number.POSITIVE_INFINITY }
      const { link } = await committer.link(written, commit)
      return { outcome: 'renewed', link }
    } catch (error) {
      if (error instanceof EvictedError) return undefined
      if (error instanceof OvertakenError) return { outcome: 'unstored', isOvertaken: true }
      if (this.#signal.aborted || !isStoringFailure(error)) throw error
      return { outcome: 'unstored', error }
    }
  }

  /** Produces the file without the engine. */
  async produceUnstored({ reason, error }: Missing): Promise<Filled> {
    const { takesUnstored, options } = this.#request
    const isRefused = error !== undefined && options.onUnavailable !== 'produce'
    if (!takesUnstored || isRefused) return { outcome: 'unstored', error }
    return this.#inTime(async () => {
      const produced = await callProduce(this.#request, { reason }, this.#signal)
      return { ...this.#pass(expectSource(produced)), error }
    })
  }

  /** Leaves what was produced to the callers: to all of them what can be read again, else to the first one. */
  #pass(produced: ProducedSource): Unstored {
    const { ref, options, takesUnstored } = this.#request
    if (isRepeatable(produced)) return { outcome: 'unstored', produced }
    if (!takesUnstored) {
      abandon(produced)
      return { outcome: 'unstored' }
    }
    const split = splitOf(produced, true)
    split.endStoring()
    this.#handOver({ split, keep: keepOf(ref, produced, options), isStored: false })
    return { outcome: 'unstored' }
  }
}

/** Whether the engine could not store a file that was produced. */
function isStoringFailure(error: unknown): boolean {
  return (
    error instanceof UnavailableError ||
    error instanceof InsufficientStorageError ||
    error instanceof TooLargeError
  )
}
