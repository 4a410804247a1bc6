import { LRUCache } from 'lru-cache'
import {
  CorruptError,
  EvictedError,
  InsufficientStorageError,
  InvalidArgumentError,
  UnavailableError,
} from '../../errors.ts'
import { type FileRef, type ParsedRef, parseRef } from '../file-ref.ts'
import type { StoreEvents } from '../observer.ts'
import { StoredFile } from '../reading/stored-file.ts'
import { SharedWork } from '../shared-work.ts'
import { keepOf, splitOf } from './call.ts'
import { Fill, type Filled, type FillRequest, type FillTools, type HandedOver } from './fill.ts'
import { isFoundBy, lookUp, type Missing } from './look.ts'
import {
  checkArguments,
  type FillOptions,
  type GetOrPutOptions,
  type Produce,
  type ProducedSource,
  type UnusableFile,
} from './produce.ts'
import { ProducedFile } from './produced-file.ts'
import { read } from './reader.ts'
import type { FillReason } from './result.ts'

/** Failures that are remembered at most. */
const MAX_FAILURES = 1024
/** How often one call has a file produced again that cannot be read. */
const MAX_HEALS = 2
/** How often one call looks for a file again that was replaced or deleted while it was produced. */
const MAX_OVERTAKEN = 2

/** One for all: that a reader leaves is nothing that has to be traced. */
const READER_LEFT = new Error('the reader of a produced file has left')

/** A file, where it came from, and why it had to be produced. */
interface From<Outcome, File> {
  readonly outcome: Outcome
  readonly reason: FillReason
  readonly file: File
}

/**
 * - `hit`: it was there, and its time is not over.
 * - `stale`: it was there, its time is over, and it is being renewed.
 * - `waited`: it was produced for another caller, or by another process.
 * - `filled`: it was produced by this call and stored.
 * - `renewed`: it was made valid again by this call.
 * - `filling`: it is being produced by this call, and stored while its bytes come.
 * - `unstored`: it was produced by this call, and is not stored.
 */
export type Filling =
  | { readonly outcome: 'hit'; readonly reason?: undefined; readonly file: StoredFile }
  | From<'stale', StoredFile>
  | From<'waited', StoredFile>
  | From<'filled', StoredFile>
  | From<'renewed', StoredFile>
  | From<'filling', ProducedFile>
  | From<'unstored', ProducedFile>

/** Produces files that are not there, each once for all callers. */
export class Filler {
  readonly #tools: FillTools
  readonly #events: StoreEvents
  readonly #maxWaiting: number
  /** What other callers of the same file can wait for. */
  readonly #underWay = new Map<string, SharedWork<Filled>>()
  /** All that is under way, what is for one caller too. */
  readonly #works = new Set<SharedWork<Filled>>()
  readonly #failures = new LRUCache<string, { error: unknown }>({ max: MAX_FAILURES })
  #waiting = 0

  /** @param maxWaiting Callers that may wait at the same time. */
  constructor(tools: FillTools, events: StoreEvents, maxWaiting: number) {
    this.#tools = tools
    this.#events = events
    this.#maxWaiting = maxWaiting
  }

  async getOrPut<R>(
    ref: FileRef,
    produce: Produce,
    { read, ...options }: GetOrPutOptions<StoredFile, R>,
  ): Promise<unknown> {
    checkArguments('getOrPut', produce, options)
    let unusable: UnusableFile | undefined
    for (let heals = 0; ; heals++) {
      const { file } = await this.#fill(parseRef(ref), produce, {
        ...options,
        unusable,
        whole: true,
      })
      if (read === undefined) return file
      try {
        // Where it is not stored, `read` is one that takes such a file.
        return await read(file as StoredFile)
      } catch (error) {
        if (file instanceof ProducedFile) file.cancel()
        unusable = file instanceof StoredFile ? lost(file, error) : undefined
        if (unusable === undefined || heals === MAX_HEALS) throw error
      }
    }
  }

  async fill(ref: FileRef, produce: Produce, options: FillOptions): Promise<Filling> {
    checkArguments('fill', produce, options)
    return this.#fill(parseRef(ref), produce, options)
  }

  /** @param overtaken How often this call has begun anew. */
  async #fill(
    ref: ParsedRef,
    produce: Produce,
    options: FillOptions,
    overtaken = 0,
  ): Promise<Filling> {
    options.signal?.throwIfAborted()
    const look = await lookUp(this.#tools.finder, ref, options)
    if (look.missing === undefined) return { outcome: 'hit', file: look.found.file }
    const { found, missing } = look
    const mayStream = options.whole !== true
    const takesUnstored = mayStream || options.onUnavailable === 'produce'
    // One for each call: a signal with many listeners is taken for a leak.
    const signal = options.signal && AbortSignal.any([options.signal])
    const own = { ...options, signal }
    const request = { ref, produce, options: own, mayStream, takesUnstored, overtaken }
    if (found !== undefined) {
      this.#renew({ ...request, mayStream: false, takesUnstored: false }, missing)
      return { outcome: 'stale', reason: 'expired', file: found.file }
    }
    if (missing.error !== undefined && options.onUnavailable !== 'produce') throw missing.error
    return this.#wait(request, missing)
  }

  /** Ends what is under way, and its leases. Idempotent. */
  async close(): Promise<void> {
    const all = [...this.#works]
    for (const work of all) work.abort(new UnavailableError('the store is closed'))
    await Promise.allSettled(all.map(({ result }) => result))
  }

  /** Renews a stale file in the background, unless that is under way or has failed a moment ago. */
  #renew(request: FillRequest, missing: Missing): void {
    const key = this.#tools.keys.link(request.ref)
    const isFull = this.#waiting >= this.#maxWaiting
    if (isFull || this.#failures.has(key) || this.#current(key) !== undefined) return
    const { work } = this.#share(key, request, missing)
    void this.#counted(() => work.wait(undefined)).catch(() => {}) // Observers are told.
  }

  async #wait(request: FillRequest, missing: Missing): Promise<Filling> {
    const key = this.#tools.keys.link(request.ref)
    const failed = this.#failures.get(key)
    if (failed !== undefined) throw failed.error
    if (this.#waiting >= this.#maxWaiting) throw tooMany(this.#maxWaiting)
    const { filled, isOurs } = await this.#counted(() => this.#join(key, request, missing))
    if ('file' in filled) return filled
    return this.#toFilling(filled, request, missing, isOurs ? undefined : 'waited')
  }

  /** Waits for the work of another caller, or starts some. */
  async #join(key: string, request: FillRequest, missing: Missing) {
    for (let isAgain = false; ; ) {
      const current = this.#current(key)
      const filled = current
        ? await current.wait(request.options.signal)
        : await this.#lead(key, request, missing)
      if ('file' in filled) return { filled, isOurs: true }
      if (current !== undefined && isUnusable(filled, request)) continue
      if (isAgain || !mayBeStoredNow(filled, request, missing)) {
        return { filled, isOurs: current === undefined }
      }
      isAgain = true
    }
  }

  /** Starts work for all callers and waits for it, or for what its first caller can have before the end. */
  async #lead(key: string, request: FillRequest, missing: Missing): Promise<Filled | Filling> {
    const { work, first, leave } = this.#share(key, request, missing)
    try {
      return await work.wait(request.options.signal, first)
    } finally {
      leave()
    }
  }

  async #counted<T>(wait: () => Promise<T>): Promise<T> {
    this.#waiting++
    try {
      return await wait()
    } finally {
      this.#waiting--
    }
  }

  /** The work for that file which is under way, and goes on. */
  #current(key: string): SharedWork<Filled> | undefined {
    const work = this.#underWay.get(key)
    return work?.isAborted ? undefined : work
  }

  /** Starts work that other callers wait for too. */
  #share(key: string, request: FillRequest, missing: Missing) {
    const started = this.#start(request, missing.reason, (fill) => fill.run(missing))
    this.#underWay.set(key, started.work)
    this.#follow(key, started.work, request, missing.reason)
    return started
  }

  /** @returns The work, what its first caller can have before the end, and what to call when that leaves. */
  #start(request: FillRequest, reason: FillReason, run: (fill: Fill) => Promise<Filled>) {
    let resolveFirst: (filling: Filling) => void
    const first = new Promise<Filling>((resolve) => {
      resolveFirst = resolve
    })
    let hasLeft = false
    const handOver = (bytes: HandedOver) => {
      const file = this.#handedOver(bytes, work, request.options.signal)
      if (hasLeft) file.cancel()
      resolveFirst({ outcome: bytes.isStored ? 'filling' : 'unstored', reason, file })
    }
    const work = new SharedWork((own) => run(new Fill(this.#tools, request, handOver, own)))
    this.#works.add(work)
    const forget = () => void this.#works.delete(work)
    work.result.then(forget, forget)
    return { work, first, leave: () => (hasLeft = true) }
  }

  /** Tells observers how a fill ends, and remembers its failure. */
  #follow(
    key: string,
    work: SharedWork<Filled>,
    { options: { failFor = 0 } }: FillRequest,
    reason: FillReason,
  ): void {
    const forget = () => {
      if (this.#underWay.get(key) === work) this.#underWay.delete(key)
    }
    work.result.then(
      ({ outcome }) => {
        forget()
        this.#events.fillEnded({ reason, outcome })
      },
      (error: unknown) => {
        forget()
        if (work.isForNothing) return
        const isPassing = error instanceof UnavailableError
        if (failFor > 0 && !isPassing) this.#failures.set(key, { error }, { ttl: failFor * 1000 })
        this.#events.fillEnded({ reason, error })
      },
    )
  }

  /** @param outcome What to call it for this caller. Default: what it is. */
  async #toFilling(
    filled: Filled,
    request: FillRequest,
    missing: Missing,
    outcome?: 'waited',
  ): Promise<Filling> {
    const { reason } = missing
    if (filled.outcome !== 'unstored') {
      const file = this.#tools.finder.open(filled.link)
      return { outcome: outcome ?? filled.outcome, reason, file }
    }
    if (filled.isOvertaken && request.overtaken < MAX_OVERTAKEN) {
      return this.#fill(request.ref, request.produce, request.options, request.overtaken + 1)
    }
    const { error = filled.isOvertaken && alwaysOvertaken(), produced } = filled
    if (!request.takesUnstored) throw error ?? storedOnly()
    if (error !== undefined && request.options.onUnavailable !== 'produce') throw error
    return produced === undefined
      ? this.#produceAlone(request, missing)
      : this.#unstored(produced, request, missing)
  }

  /** Produces a file for one caller. */
  async #produceAlone(request: FillRequest, { reason }: Missing): Promise<Filling> {
    const run = (fill: Fill) => fill.produceUnstored({ reason })
    const { work, first, leave } = this.#start(request, reason, run)
    try {
      const filled = await this.#counted(() => work.wait(request.options.signal, first))
      return 'file' in filled ? filled : await this.#toFilling(filled, request, { reason })
    } finally {
      leave()
    }
  }

  /** Hands out bytes that every caller can have. */
  #unstored(produced: ProducedSource, { ref, options }: FillRequest, { reason }: Missing): Filling {
    const split = splitOf(produced, true)
    split.endStoring()
    const bytes = { split, keep: keepOf(ref, produced, options), isStored: false }
    const nothingToDo = new SharedWork(async () => produced)
    const file = this.#handedOver(bytes, nothingToDo, options.signal)
    return { outcome: 'unstored', reason, file }
  }

  /** Keeps the work going until the bytes were read, or their reader has left. */
  #handedOver(
    { keep, isStored, ...incoming }: HandedOver,
    work: SharedWork<Filled | ProducedSource>,
    signal: AbortSignal | undefined,
  ): ProducedFile {
    const { split, chunks, memory } = incoming
    const stored = work.result.then((result) => (isStored ? this.#storedFile(result) : undefined))
    const release = work.hold()
    const leave = (error: unknown = READER_LEFT) => {
      // What has come to its end is stored, even if no caller waits for that.
      if (split.isOver) stored.finally(() => release(true)).catch(() => {})
      else release(false)
      signal?.removeEventListener('abort', onAbort)
      split.leave(error)
      chunks?.end({ error })
      memory?.release()
    }
    const onAbort = () => leave(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    const details = { ...keep, size: split.size }
    return new ProducedFile(details, read(incoming, this.#tools), { stored, leave })
  }

  #storedFile(result: Filled | ProducedSource): StoredFile | undefined {
    if ('link' in result) return this.#tools.finder.open(result.link)
    if ('isOvertaken' in result) return undefined
    throw 'error' in result ? result.error : storedOnly()
  }
}

/** Whether that is the file which a read of this caller has shown to be unusable. */
function isUnusable(filled: Filled, { options: { unusable } }: FillRequest): boolean {
  return unusable !== undefined && 'link' in filled && isFoundBy(unusable.file, filled.link)
}

/**
 * Whether a caller who takes unstored files had better try once more together with the others than by itself: what was
 * produced is gone, and memcached may be back.
 */
function mayBeStoredNow(filled: Filled, { options }: FillRequest, { reason }: Missing): boolean {
  if (filled.outcome !== 'unstored' || filled.produced !== undefined) return false
  if (reason === 'unavailable') return false // Nothing was to be stored.
  const isPassing =
    filled.error instanceof UnavailableError || filled.error instanceof InsufficientStorageError
  return isPassing && options.onUnavailable === 'produce'
}

/** A file that a read has shown to be unusable. */
function lost(file: StoredFile, error: unknown): UnusableFile | undefined {
  if (error instanceof EvictedError) return { file, reason: 'evicted' }
  return error instanceof CorruptError ? { file, reason: 'corrupt' } : undefined
}

function tooMany(waiting: number): UnavailableError {
  return new UnavailableError(
    `${waiting} callers wait for files to be produced, which is the limit`,
  )
}

function alwaysOvertaken(): UnavailableError {
  return new UnavailableError(
    'the file was replaced or deleted again and again while it was produced',
  )
}

function storedOnly(): InvalidArgumentError {
  return new InvalidArgumentError(
    "produce says that the file is not to be stored: call `fill`, or set onUnavailable: 'produce'",
  )
}
