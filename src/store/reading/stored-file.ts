import type { Digest } from '../../digest.ts'
import { EvictedError, RangeNotSatisfiableError } from '../../errors.ts'
import type { Budgets } from '../memory/budgets.ts'
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
import { chunksOf, clip, HeldRead, type PreparedRead, StreamedRead } from './prepared-read.ts'
import { type Verification, verifyFile } from './verification.ts'

export interface ReadOptions {
  /** The first byte. Default 0. */
  start?: number
  /** The byte after the last one. Default: the file's size. */
  end?: number
  signal?: AbortSignal
}

export interface PrepareOptions {
  /**
   * `full`, the default, verifies every chunk before it resolves. `stream` verifies the first one,
   * for an early first byte; the rest is verified as it is read, and may turn out to be lost.
   */
  verify?: 'full' | 'stream'
  signal?: AbortSignal | undefined
}

/** What a store needs to read a file; made by `FileStore` alone. */
export interface FileReading {
  readonly chunks: SharedChunks
  /** What is stored, around everything that is remembered. */
  readonly source: ChunkSource
  readonly budgets: Budgets
  readonly presence: Presence
  readonly events: StoreEvents
}

/** A file that has a link; whether its chunks are there as well shows when they are asked for. */
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

  /** @param prefetched Its only chunk, probably, when that was asked for along with the link. */
  constructor(link: Link, reading: FileReading, prefetched?: Prefetched) {
    this.manifest = link.manifest
    // The link may be remembered, and is not the reader's.
    this.attributes = link.attributes === undefined ? {} : { ...link.attributes }
    this.storedAt = new Date(link.storedAt)
    this.ttl = link.ttl
    this.#reading = reading
    this.#reader = new ChunkReader(reading.chunks, reading.events, prefetched)
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
   * The bytes, each chunk verified before any of it is yielded. A chunk that is lost ends the
   * stream in the middle: use `prepare` or `bytes` to know beforehand.
   * @throws {EvictedError | CorruptError | UnavailableError | RangeNotSatisfiableError}
   */
  async *stream(options: ReadOptions = {}): AsyncGenerator<Buffer, void, undefined> {
    const { signal } = options
    const range = this.#range(options)
    if (range.start === range.end) return
    const { chunkSize } = this.manifest
    const { from, to } = this.manifest.span(range)
    const bytes = Math.min(this.size, to * chunkSize) - from * chunkSize
    const window = await this.#reading.budgets.window('read', bytes, chunkSize, signal)
    try {
      let offset = from * chunkSize
      for await (const chunk of this.#reader.readAll(
        this.manifest.chunks(from, to),
        window.chunks,
      )) {
        signal?.throwIfAborted()
        yield clip(chunk, offset, range)
        offset += chunkSize
      }
    } finally {
      window.release()
    }
  }

  /**
   * All the bytes at once, every chunk verified. Not for files larger than the memory you have.
   * @throws {EvictedError | CorruptError | UnavailableError | RangeNotSatisfiableError}
   */
  async bytes(options: ReadOptions = {}): Promise<Buffer> {
    const parts: Buffer[] = []
    for await (const part of this.stream(options)) parts.push(part)
    const all = Buffer.concat(parts) // A copy even of one: chunks may be shared with other readers.
    for (const part of parts) this.#reader.recycle(part)
    return all
  }

  /**
   * Verifies every chunk that the ranges need before any byte is handed out, so that a caller can
   * promise them: what fits the memory budget is held, more than that is read twice. Close it.
   * A `signal` is not even looked at for one chunk that there is room for: there is no next one to save.
   * @throws {EvictedError | CorruptError | UnavailableError | RangeNotSatisfiableError}
   */
  async prepare(
    ranges: readonly ByteRange[] = [{ start: 0, end: this.size }],
    options: PrepareOptions = {},
  ): Promise<PreparedRead> {
    for (const range of ranges) this.#range(range)
    if (options.verify === 'stream') return this.#prepareStream(ranges, options.signal)
    const chunks = chunksOf(this.manifest, ranges).map((index) => this.manifest.chunk(index))
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.size, 0)
    const [only] = chunks
    const lease = chunks.length === 1 ? this.#reading.budgets.tryHold(bytes) : undefined
    if (lease === undefined) return this.#prepareInTurn(chunks, bytes, options.signal)
    return this.#hold(only!, lease)
  }

  /** @throws {EvictedError} unless every chunk is there, as far as that shows without reading. */
  async probe(signal?: AbortSignal): Promise<void> {
    const missing = await this.#reading.presence.countMissing(this.manifest, signal)
    if (missing === 0) return
    throw new EvictedError(`${missing} of ${this.manifest.chunkCount} chunks are gone`)
  }

  /** Reads and checks every chunk; changes nothing. */
  verify({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<Verification> {
    return verifyFile(this.manifest, this.#reading, signal)
  }

  /** What one chunk needs, and no more: most files have no other. */
  async #hold(chunk: Chunk, lease: Lease): Promise<HeldRead> {
    const read = new HeldRead(this.manifest, this.#reader, lease)
    try {
      read.add(chunk.index, await this.#reader.read(chunk))
      return read
    } catch (error) {
      read.close()
      throw error
    }
  }

  async #prepareInTurn(chunks: readonly Chunk[], bytes: number, signal: AbortSignal | undefined) {
    const lease = await this.#reading.budgets.hold(bytes, signal)
    if (lease === undefined) {
      await this.#verifyOnly(chunks, bytes, signal)
      return new StreamedRead(this.#reader, (range) => this.#streamRange(range, signal))
    }
    const read = new HeldRead(this.manifest, this.#reader, lease)
    try {
      let done = 0
      for await (const bytes of this.#reader.readAll(chunks, windowFor(this.manifest.chunkSize))) {
        signal?.throwIfAborted()
        read.add(chunks[done++]!.index, bytes)
      }
      return read
    } catch (error) {
      read.close()
      throw error
    }
  }

  async #verifyOnly(chunks: readonly Chunk[], bytes: number, signal: AbortSignal | undefined) {
    const { chunkSize } = this.manifest
    const window = await this.#reading.budgets.window('read', bytes, chunkSize, signal)
    try {
      for await (const bytes of this.#reader.readAll(chunks, window.chunks)) {
        signal?.throwIfAborted()
        this.#reader.recycle(bytes)
      }
    } finally {
      window.release()
    }
  }

  async #prepareStream(ranges: readonly ByteRange[], signal: AbortSignal | undefined) {
    const first = ranges[0] ?? { start: 0, end: 0 }
    const stream = this.#streamRange(first, signal)
    const start = await stream.next()
    const primed = async function* () {
      if (!start.done) yield start.value
      yield* stream
    }
    let isFresh = true
    const streamOf = (range: ByteRange) => {
      const isFirst = range.start === first.start && range.end === first.end
      if (!isFirst || !isFresh) return this.#streamRange(range, signal)
      isFresh = false
      return primed()
    }
    return new StreamedRead(this.#reader, streamOf, () => void stream.return())
  }

  #streamRange(range: ByteRange, signal: AbortSignal | undefined) {
    return this.stream(signal === undefined ? range : { ...range, signal })
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
