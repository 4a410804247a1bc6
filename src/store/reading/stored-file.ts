import type { Digest } from '../../digest.ts'
import { CorruptError, EvictedError, RangeNotSatisfiableError } from '../../errors.ts'
import type { NamesOf } from '../../known-names.ts'
import { checkOptions, wrongArgument } from '../checks.ts'
import type { Budgets, WindowLease } from '../memory/budgets.ts'
import type { Lease } from '../memory/byte-budget.ts'
import { windowFor } from '../memory/window.ts'
import type { StoreEvents } from '../observer.ts'
import type { Link } from '../records/link.ts'
import type { ByteRange, Chunk, Manifest } from '../records/manifest.ts'
import type { Presence } from '../writing/presence.ts'
import type { Prefetched } from './chunks/prefetch.ts'
import { ChunkReader } from './chunks/reader.ts'
import type { SharedChunks } from './chunks/shared.ts'
import type { ChunkSource } from './chunks/source.ts'
import { KeptChunks } from './kept-chunks.ts'
import {
  bytesOf,
  clip,
  HeldRead,
  type Part,
  type PreparedRead,
  StreamedRead,
} from './prepared-read.ts'
import type { Prover, WholeCheck } from './prover.ts'
import { type Verification, verifyFile } from './verification.ts'
import { type RequestLike, responseOf } from './web-response.ts'

export interface ReadOptions {
  /** The first byte. Default 0. */
  start?: number | undefined
  /** The byte after the last one: exclusive, where that of `fs.createReadStream` is inclusive. Default: the file's size. */
  end?: number | undefined
  signal?: AbortSignal | undefined
}

export interface PrepareOptions {
  /**
   * `full`, the default, verifies every chunk before it resolves. `stream` verifies the first one,
   * for an early first byte; the rest is verified as it is read, and may turn out to be lost. The last
   * chunk of a whole read follows when the content has the hash.
   */
  verify?: 'full' | 'stream' | undefined
  /**
   * Proves that the link lists the content of its hash, whatever the size of the file, before this
   * resolves. Default false: that is done for whole reads, and for ranges of files that one read may hold.
   */
  prove?: boolean | undefined
  /** Ends the wait for memory, and the read of several chunks as soon as the next one has arrived. */
  signal?: AbortSignal | undefined
}

const READ_OPTIONS: NamesOf<ReadOptions> = { start: true, end: true, signal: true }
const PREPARE_OPTIONS: NamesOf<PrepareOptions> = { verify: true, prove: true, signal: true }

/** What a store needs to read a file; made by `FileStore` alone. */
export interface FileReading {
  readonly chunks: SharedChunks
  /** What is stored, past shared fetches and the hot cache. */
  readonly source: ChunkSource
  readonly budgets: Budgets
  readonly presence: Presence
  readonly prover: Prover
  readonly events: StoreEvents
}

/** A file that has a link. Whether its chunks are there shows when they are read or probed. */
export class StoredFile {
  readonly manifest: Manifest
  readonly name?: string
  /** The media type it was stored with, by name. */
  readonly type?: string
  readonly attributes: Readonly<Record<string, string>>
  readonly storedAt: Date
  /** Seconds that its link was given to live; 0 is no limit. */
  readonly ttl: number
  readonly #reading: FileReading
  readonly #reader: ChunkReader
  readonly #prefetched: Prefetched | undefined

  /** @param prefetched Probably its only chunk. */
  constructor(link: Link, reading: FileReading, prefetched?: Prefetched) {
    this.manifest = link.manifest
    // Copies: the link may be remembered, and the caller may change these.
    this.attributes = link.attributes === undefined ? {} : { ...link.attributes }
    this.storedAt = new Date(link.storedAt)
    this.ttl = link.ttl
    this.#reading = reading
    const onWrongLength = () => reading.prover.disprove(link.manifest)
    this.#reader = new ChunkReader(reading.chunks, reading.events, onWrongLength, prefetched)
    this.#prefetched = prefetched
    if (link.name !== undefined) this.name = link.name
    if (link.type !== undefined) this.type = link.type
  }

  get digest(): Digest {
    return this.manifest.digest
  }

  /** The SHA-256 of the content, as `sha256sum` prints it. */
  get hash(): string {
    return this.digest.hex
  }

  /** Bytes. */
  get size(): number {
    return this.manifest.size
  }

  /**
   * Whether this process knows that the chunks are together the content of the hash: the link was sealed
   * with a secret, or this process has stored or hashed the content.
   */
  get isProven(): boolean {
    return this.#reading.prover.isProven(this.manifest)
  }

  /**
   * Yields the bytes, each chunk verified before any of it is yielded. A chunk that is lost ends the
   * stream in the middle, and a file that is not the content of its hash ends it before the last chunk:
   * use `prepare` or `bytes` to know beforehand.
   * @throws {EvictedError | CorruptError | UnavailableError | RangeNotSatisfiableError}
   */
  stream(options: ReadOptions = {}): AsyncGenerator<Buffer, void, undefined> {
    checkOptions('stream', options, READ_OPTIONS)
    return bytesOf(this.#provenParts(options))
  }

  /**
   * Returns all the bytes at once, every chunk verified. Not for files larger than the memory you have.
   * @throws {EvictedError | CorruptError | UnavailableError | RangeNotSatisfiableError}
   */
  async bytes(options: ReadOptions = {}): Promise<Buffer> {
    checkOptions('bytes', options, READ_OPTIONS)
    const parts: Part[] = []
    for await (const part of this.#provenParts(options)) parts.push(part)
    const all = Buffer.concat(parts.map(({ bytes }) => bytes)) // A copy even of one: chunks may be shared.
    for (const { chunk } of parts) chunk.release()
    return all
  }

  /** Returns all of it as text, decoded as UTF-8. As for `bytes`. */
  async text(options: ReadOptions = {}): Promise<string> {
    return new TextDecoder().decode(await this.bytes(options))
  }

  /** Returns what all of it is as JSON. As for `bytes`. @throws {SyntaxError} for anything else. */
  async json(options: ReadOptions = {}): Promise<unknown> {
    return JSON.parse(await this.text(options))
  }

  /**
   * Returns a `Response` for a `Request`, or for its headers: conditions, one range, ETag, Last-Modified by
   * name, Content-Type, Repr-Digest. Every byte of its body has been verified when it resolves. Read
   * the body or cancel it: until then it holds memory of the store's budget.
   * @throws {EvictedError | CorruptError | UnavailableError}
   * @example serve((request) => store.get('a').then((file) => file.response(request)))
   */
  response(request?: RequestLike | Headers): Promise<Response> {
    return responseOf(this, request)
  }

  /**
   * Verifies every chunk that the ranges need before any byte is handed out, so that a caller can
   * promise them: what fits the memory budget is held, and the rest is read twice. Close it.
   * @throws {EvictedError | CorruptError | UnavailableError | RangeNotSatisfiableError}
   */
  async prepare(
    ranges: readonly ByteRange[] = [{ start: 0, end: this.size }],
    options: PrepareOptions = {},
  ): Promise<PreparedRead> {
    checkOptions('prepare', options, PREPARE_OPTIONS)
    const { verify = 'full', prove = false, signal } = options
    if (verify !== 'full' && verify !== 'stream') {
      throw wrongArgument('verify', "'full' or 'stream'", verify)
    }
    if (!Array.isArray(ranges)) throw wrongArgument('ranges', 'a list of { start, end }', ranges)
    for (const range of ranges) this.#range(range)
    const needed = this.manifest.indicesOf(ranges)
    const isStream = verify === 'stream'
    const isWhole = needed.length === this.manifest.chunkCount && (!isStream || ranges.length === 1)
    if ((!isWhole && needed.length > 0) || (isStream && prove)) await this.#prove(prove, signal)
    if (isStream) return this.#prepareStream(ranges, signal)
    const chunks = needed.map((index) => this.manifest.chunk(index))
    const check = isWhole ? this.#reading.prover.checkUnlessProven(this.manifest) : undefined
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.size, 0)
    const room = bytes + copyFor(check, this.manifest)
    const lease = this.#tryHold(chunks, room) ?? (await this.#reading.budgets.hold(room, signal))
    if (lease !== undefined) return this.#hold(chunks, lease, check, signal)
    const kept = new KeptChunks(this.#reading.budgets.tryKeep(bytes))
    try {
      await this.#verifyOnly(chunks, bytes, check, signal, kept)
    } catch (error) {
      kept.close()
      throw error
    }
    const partsOf = (range: ByteRange) => this.#parts({ ...range, signal }, kept)
    return new StreamedRead(partsOf, this.isProven, () => kept.close())
  }

  /** @throws {EvictedError} unless every chunk is there, as far as that shows without reading. */
  async probe(signal?: AbortSignal): Promise<void> {
    const missing = await this.#reading.presence.lookFor(this.manifest, signal)
    if (missing === 0) return
    throw new EvictedError(`${missing} of ${this.manifest.chunkCount} chunks are gone`)
  }

  /** Reads and checks every chunk; changes nothing. */
  verify({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<Verification> {
    return verifyFile(this.manifest, this.#reading, signal)
  }

  /** Room for the chunks, if there is some without waiting. */
  #tryHold([first, second]: readonly Chunk[], bytes: number): Lease | undefined {
    const isOne = first !== undefined && second === undefined
    const lease = isOne ? this.#prefetched?.takeLease(first.digest, bytes) : undefined
    return lease ?? this.#reading.budgets.tryHold(bytes)
  }

  /**
   * Proves the manifest before a part of the file is read, if one read may hold the file.
   * @param isRequired Whether to prove it in any case, or else fail.
   */
  async #prove(isRequired: boolean, signal: AbortSignal | undefined): Promise<void> {
    const { budgets, prover } = this.#reading
    const { manifest } = this
    if (this.isProven || !(isRequired || budgets.mayHold(this.size))) return
    const read = (signal: AbortSignal) => {
      const check = prover.checkUnlessProven(manifest)
      return this.#verifyOnly([...manifest.chunks()], this.size, check, signal)
    }
    try {
      await prover.prove(manifest, read, signal)
    } catch (error) {
      // Another part of the file is lost; the one that is asked for may be there.
      const isLost = error instanceof EvictedError || error instanceof CorruptError
      if (isRequired || !isLost || prover.isDisproved(manifest)) throw error
    }
  }

  async #hold(
    chunks: readonly Chunk[],
    lease: Lease,
    check: WholeCheck | undefined,
    signal: AbortSignal | undefined,
  ) {
    const read = new HeldRead(this.manifest, lease)
    try {
      await this.#readInto(read, chunks, check, signal)
      await check?.expect()
      lease.shrink(lease.bytes - copyFor(check, this.manifest))
      read.isProven = this.isProven
      return read
    } catch (error) {
      check?.drop()
      read.close()
      throw error
    }
  }

  /** One chunk, as most files have, is read without a window: 3 to 5 % of the CPU time of a small read. */
  async #readInto(
    read: HeldRead,
    chunks: readonly Chunk[],
    check: WholeCheck | undefined,
    signal: AbortSignal | undefined,
  ) {
    const [first, second] = chunks
    if (first !== undefined && second === undefined) {
      read.add(first.index, await this.#reader.read(first))
      return
    }
    let done = 0
    for await (const chunk of this.#reader.readAll(chunks, windowFor(this.manifest.chunkSize))) {
      read.add(chunks[done++]!.index, chunk)
      signal?.throwIfAborted()
      await check?.add(chunk)
    }
  }

  async #verifyOnly(
    chunks: readonly Chunk[],
    bytes: number,
    check: WholeCheck | undefined,
    signal: AbortSignal | undefined,
    kept = new KeptChunks(undefined),
  ) {
    const { chunkSize } = this.manifest
    const window = await this.#reading.budgets.window(bytes, chunkSize, signal)
    try {
      let done = 0
      for await (const chunk of this.#reader.readAll(chunks, aheadOf(window, check))) {
        await check?.add(chunk)
        kept.add(chunks[done++]!.index, chunk)
        signal?.throwIfAborted()
      }
      await check?.expect()
    } finally {
      check?.drop()
      window.release()
    }
  }

  /** Reads the first chunk of the first range, and the rest when it is asked for. */
  async #prepareStream(ranges: readonly ByteRange[], signal: AbortSignal | undefined) {
    const first = ranges[0] ?? { start: 0, end: 0 }
    const parts = this.#parts({ ...first, signal })
    const start = await parts.next()
    const primed = async function* () {
      if (!start.done) yield start.value
      yield* parts
    }
    let isFresh = true
    const partsOf = (range: ByteRange) => {
      const isFirst = range.start === first.start && range.end === first.end
      if (!isFirst || !isFresh) return this.#parts({ ...range, signal })
      isFresh = false
      return primed()
    }
    return new StreamedRead(partsOf, this.isProven, () => void parts.return())
  }

  /** As `#parts`, for reads that do not begin with `prepare`. */
  async *#provenParts(options: ReadOptions): AsyncGenerator<Part, void, undefined> {
    const range = this.#range(options)
    const { from, to } = this.manifest.span(range)
    if (to > from && to - from < this.manifest.chunkCount) await this.#prove(false, options.signal)
    yield* this.#parts(options)
  }

  /** The last part of an unproven file that is read whole follows when the content has the hash. */
  async *#parts(
    { signal, ...options }: ReadOptions,
    kept?: KeptChunks,
  ): AsyncGenerator<Part, void, undefined> {
    const range = this.#range(options)
    if (range.start === range.end) return
    const { chunkSize } = this.manifest
    const { from, to } = this.manifest.span(range)
    const bytes = Math.min(this.size, to * chunkSize) - from * chunkSize
    const isWhole = to - from === this.manifest.chunkCount
    const window = await this.#reading.budgets.window(bytes, chunkSize, signal)
    const check = isWhole ? this.#reading.prover.checkUnlessProven(this.manifest) : undefined
    try {
      let index = from
      const chunks = this.manifest.chunks(from, to)
      for await (const chunk of this.#reader.readAll(chunks, aheadOf(window, check), kept)) {
        signal?.throwIfAborted()
        await check?.add(chunk)
        const offset = chunkSize * index++
        if (index === to) await check?.expect()
        yield { chunk, bytes: clip(chunk.bytes, offset, range) }
      }
    } finally {
      check?.drop()
      window.release()
    }
  }

  #range({ start = 0, end = this.size }: ReadOptions): ByteRange {
    const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0
    if (isRange && start <= end && end <= this.size) return { start, end }
    throw new RangeNotSatisfiableError('the file does not have these bytes', {
      expected: `0 <= start <= end <= ${this.size}`,
      actual: `start ${start}, end ${end}`,
    })
  }
}

/** Bytes of the chunk that a check may have a copy of. */
function copyFor(check: WholeCheck | undefined, { chunkSize }: Manifest): number {
  return check === undefined ? 0 : chunkSize
}

/** How many chunks may be under way, beside the one in hand and the copy of it that a check may have. */
function aheadOf({ chunks }: WindowLease, check: WholeCheck | undefined): number {
  return check === undefined ? chunks : Math.max(1, chunks - 1)
}
