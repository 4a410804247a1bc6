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
import {
  bytesOf,
  clip,
  HeldRead,
  type Part,
  type PreparedRead,
  StreamedRead,
} from './prepared-read.ts'
import { type Verification, verifyFile } from './verification.ts'

export interface ReadOptions {
  /** The first byte. Default 0. */
  start?: number
  /** The byte after the last one. Default: the file's size. */
  end?: number
  signal?: AbortSignal | undefined
}

export interface PrepareOptions {
  /**
   * `full`, the default, verifies every chunk before it resolves. `stream` verifies the first one,
   * for an early first byte; the rest is verified as it is read, and may turn out to be lost.
   */
  verify?: 'full' | 'stream' | undefined
  /** Ends the wait for memory, and the read as soon as the chunk that is under way has arrived. */
  signal?: AbortSignal | undefined
}

/** What a store needs to read a file; made by `FileStore` alone. */
export interface FileReading {
  readonly chunks: SharedChunks
  /** What is stored, past shared fetches and the hot cache. */
  readonly source: ChunkSource
  readonly budgets: Budgets
  readonly presence: Presence
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
    this.#reader = new ChunkReader(reading.chunks, reading.events, prefetched)
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
   * Yields the bytes, each chunk verified before any of it is yielded. A chunk that is lost ends the
   * stream in the middle: use `prepare` or `bytes` to know beforehand.
   * @throws {EvictedError | CorruptError | UnavailableError | RangeNotSatisfiableError}
   */
  stream(options: ReadOptions = {}): AsyncGenerator<Buffer, void, undefined> {
    return bytesOf(this.#parts(options))
  }

  /**
   * Returns all the bytes at once, every chunk verified. Not for files larger than the memory you have.
   * @throws {EvictedError | CorruptError | UnavailableError | RangeNotSatisfiableError}
   */
  async bytes(options: ReadOptions = {}): Promise<Buffer> {
    const parts: Part[] = []
    for await (const part of this.#parts(options)) parts.push(part)
    const all = Buffer.concat(parts.map(({ bytes }) => bytes)) // A copy even of one: chunks may be shared.
    for (const { chunk } of parts) chunk.release()
    return all
  }

  /**
   * Verifies every chunk that the ranges need before any byte is handed out, so that a caller can
   * promise them: what fits the memory budget is held, more than that is read twice. Close it.
   * @throws {EvictedError | CorruptError | UnavailableError | RangeNotSatisfiableError}
   */
  async prepare(
    ranges: readonly ByteRange[] = [{ start: 0, end: this.size }],
    { verify = 'full', signal }: PrepareOptions = {},
  ): Promise<PreparedRead> {
    for (const range of ranges) this.#range(range)
    if (verify === 'stream') return this.#prepareStream(ranges, signal)
    const chunks = this.manifest.indicesOf(ranges).map((index) => this.manifest.chunk(index))
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.size, 0)
    const lease = this.#tryHold(chunks, bytes) ?? (await this.#reading.budgets.hold(bytes, signal))
    if (lease !== undefined) return this.#hold(chunks, lease, signal)
    await this.#verifyOnly(chunks, bytes, signal)
    return new StreamedRead((range) => this.#parts({ ...range, signal }))
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

  /** Room for the chunks, if there is some without waiting. */
  #tryHold([first, second]: readonly Chunk[], bytes: number): Lease | undefined {
    const isOne = first !== undefined && second === undefined
    const lease = isOne ? this.#prefetched?.takeLease(first.digest, bytes) : undefined
    return lease ?? this.#reading.budgets.tryHold(bytes)
  }

  async #hold(chunks: readonly Chunk[], lease: Lease, signal: AbortSignal | undefined) {
    const read = new HeldRead(this.manifest, lease)
    const { chunkSize } = this.manifest
    try {
      let done = 0
      for await (const chunk of this.#reader.readAll(chunks, windowFor(chunkSize))) {
        read.add(chunks[done++]!.index, chunk)
        signal?.throwIfAborted()
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
      for await (const chunk of this.#reader.readAll(chunks, window.chunks)) {
        chunk.release()
        signal?.throwIfAborted()
      }
    } finally {
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
    return new StreamedRead(partsOf, () => void parts.return())
  }

  async *#parts({ signal, ...options }: ReadOptions): AsyncGenerator<Part, void, undefined> {
    const range = this.#range(options)
    if (range.start === range.end) return
    const { chunkSize } = this.manifest
    const { from, to } = this.manifest.span(range)
    const bytes = Math.min(this.size, to * chunkSize) - from * chunkSize
    const window = await this.#reading.budgets.window('read', bytes, chunkSize, signal)
    try {
      let offset = from * chunkSize
      const chunks = this.manifest.chunks(from, to)
      for await (const chunk of this.#reader.readAll(chunks, window.chunks)) {
        signal?.throwIfAborted()
        yield { chunk, bytes: clip(chunk.bytes, offset, range) }
        offset += chunkSize
      }
    } finally {
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
