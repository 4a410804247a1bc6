import type { Lease } from '../memory/byte-budget.ts'
import type { ByteRange, Manifest } from '../records/manifest.ts'
import type { ChunkReader } from './chunks/reader.ts'

/** Bytes of a file of which every chunk has been verified. */
export interface PreparedRead {
  /** The bytes of `range`, without another read, if they are in memory. */
  held(range: ByteRange): Buffer[] | undefined
  /**
   * The bytes of `range`, which must lie within what was prepared.
   * @throws {EvictedError | CorruptError} for a chunk that was lost since.
   */
  stream(range: ByteRange): AsyncGenerator<Buffer, void, undefined>
  /**
   * Says that bytes which `stream` yielded have left this process, so that their memory may be
   * filled with others at once. Optional; said too early, it sends wrong bytes.
   */
  recycle(bytes: Buffer): void
  /**
   * Gives the memory back to the budget. With `sent`, everything that was handed out has left this
   * process, as in `recycle`. Idempotent; nothing can be read afterwards.
   */
  close(options?: { sent?: boolean }): void
}

/** Held in memory, where there was room for that. */
export class HeldRead implements PreparedRead {
  readonly #manifest: Manifest
  readonly #reader: ChunkReader
  readonly #lease: Lease
  /** By their index in the file. */
  readonly #chunks: Buffer[] = []
  #isClosed = false

  /** @param lease Room for all the chunks that will be added. */
  constructor(manifest: Manifest, reader: ChunkReader, lease: Lease) {
    this.#manifest = manifest
    this.#reader = reader
    this.#lease = lease
  }

  /** @param bytes Verified. */
  add(index: number, bytes: Buffer): void {
    this.#chunks[index] = bytes
  }

  held(range: ByteRange): Buffer[] {
    if (this.#isClosed) throw new Error('a prepared read was used after it was closed')
    const { from, to } = this.#manifest.span(range)
    const parts: Buffer[] = []
    for (let index = from; index < to; index++) {
      parts.push(clip(this.#chunks[index]!, index * this.#manifest.chunkSize, range))
    }
    return parts
  }

  async *stream(range: ByteRange): AsyncGenerator<Buffer, void, undefined> {
    yield* this.held(range)
  }

  /** Nothing: the next range may need them again. */
  recycle(): void {}

  close({ sent = false } = {}): void {
    if (sent) this.#chunks.forEach((chunk) => void this.#reader.recycle(chunk))
    this.#chunks.length = 0
    this.#isClosed = true
    this.#lease.release()
  }
}

/** Read and verified once more on the way out, or as far as that for the first time. */
export class StreamedRead implements PreparedRead {
  readonly #reader: ChunkReader
  readonly #stream: (range: ByteRange) => AsyncIterable<Buffer>
  readonly #onClose: () => void
  /** The memory may be somebody else's by now: saying it twice must do no harm. */
  readonly #recycled = new WeakSet<Buffer>()

  constructor(
    reader: ChunkReader,
    stream: (range: ByteRange) => AsyncIterable<Buffer>,
    onClose: () => void = () => {},
  ) {
    this.#reader = reader
    this.#stream = stream
    this.#onClose = onClose
  }

  held(): undefined {
    return undefined
  }

  async *stream(range: ByteRange): AsyncGenerator<Buffer, void, undefined> {
    yield* this.#stream(range)
  }

  recycle(bytes: Buffer): void {
    if (this.#recycled.has(bytes)) return
    this.#recycled.add(bytes)
    this.#reader.recycle(bytes)
  }

  close(): void {
    this.#onClose()
  }
}

export function clip(chunk: Buffer, offset: number, { start, end }: ByteRange): Buffer {
  return chunk.subarray(Math.max(0, start - offset), Math.min(chunk.length, end - offset))
}

/** The chunks that any of the ranges needs, each once, in order. */
export function chunksOf(manifest: Manifest, ranges: readonly ByteRange[]): number[] {
  const needed: number[] = []
  for (const range of ranges) {
    const { from, to } = manifest.span(range)
    for (let index = from; index < to; index++) needed.push(index)
  }
  return ranges.length === 1 ? needed : [...new Set(needed)].sort((a, b) => a - b)
}
