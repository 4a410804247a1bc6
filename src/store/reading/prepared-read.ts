import type { Lease } from '../memory/byte-budget.ts'
import type { ChunkBytes } from '../memory/chunk-bytes.ts'
import type { ByteRange, Manifest } from '../records/manifest.ts'

/**
 * Bytes of a file of which every chunk that the prepared ranges need has been verified. Every range must lie
 * within those. Close it.
 */
export interface PreparedRead {
  /**
   * Returns the bytes of `range` if they are in memory. They are lent: valid until `close`, and shared with
   * other readers, so they must not be changed.
   */
  held(range: ByteRange): Buffer[] | undefined
  /**
   * Hands the bytes of `range` to `write` piece by piece, each verified. The next piece follows when
   * the promise of `write` resolves, and from then on the memory of the piece may be filled with
   * other bytes. When `write` rejects, `send` rejects with the same and the piece is left alone.
   * @throws {EvictedError | CorruptError} for a chunk that was lost since.
   */
  send(range: ByteRange, write: (bytes: Buffer) => Promise<void>): Promise<void>
  /**
   * Yields the bytes of `range`, each chunk verified, in memory that stays what it is. It may be shared
   * with other readers: copy it before you change it.
   * @throws {EvictedError | CorruptError} for a chunk that was lost since.
   */
  stream(range: ByteRange): AsyncGenerator<Buffer, void, undefined>
  /** Gives the memory back at once; what `held` returned must not be used afterwards. Idempotent. */
  close(): void
}

/** Verified bytes, and the chunk that they are a part of. */
export interface Part {
  readonly chunk: ChunkBytes
  readonly bytes: Buffer
}

type Parts = Iterable<Part> | AsyncIterable<Part>

/** Yields the bytes alone, whose memory is the caller's: the chunks are never released. */
export async function* bytesOf(parts: Parts): AsyncGenerator<Buffer, void, undefined> {
  for await (const { bytes } of parts) yield bytes
}

async function sendAll(parts: Parts, write: (bytes: Buffer) => Promise<void>): Promise<void> {
  for await (const { chunk, bytes } of parts) {
    await write(bytes)
    chunk.release()
  }
}

/** A read whose chunks are all in memory. */
export class HeldRead implements PreparedRead {
  readonly #manifest: Manifest
  readonly #lease: Lease
  /** By their index in the file. */
  readonly #chunks: ChunkBytes[] = []
  #isClosed = false

  /** @param lease Room for all the chunks that will be added. */
  constructor(manifest: Manifest, lease: Lease) {
    this.#manifest = manifest
    this.#lease = lease
  }

  /** @param chunk Verified; released by `close`. */
  add(index: number, chunk: ChunkBytes): void {
    this.#chunks[index] = chunk
  }

  held(range: ByteRange): Buffer[] {
    return this.#parts(range).map(({ bytes }) => bytes)
  }

  async send(range: ByteRange, write: (bytes: Buffer) => Promise<void>): Promise<void> {
    await sendAll(this.#retained(range), write)
  }

  async *stream(range: ByteRange): AsyncGenerator<Buffer, void, undefined> {
    yield* bytesOf(this.#retained(range))
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#chunks.forEach((chunk) => void chunk.release()) // Not `of`, which visits what is missing.
    this.#chunks.length = 0
    this.#lease.release()
  }

  /** Parts that outlast `close`. */
  #retained(range: ByteRange): Part[] {
    const parts = this.#parts(range)
    for (const { chunk } of parts) chunk.retain()
    return parts
  }

  #parts(range: ByteRange): Part[] {
    if (this.#isClosed) throw new Error('a prepared read was used after it was closed')
    const { from, to } = this.#manifest.span(range)
    const parts: Part[] = []
    for (let index = from; index < to; index++) {
      const chunk = this.#chunks[index]!
      parts.push({ chunk, bytes: clip(chunk.bytes, index * this.#manifest.chunkSize, range) })
    }
    return parts
  }
}

/** A read that fetches and verifies the chunks on the way out, mostly for the second time. */
export class StreamedRead implements PreparedRead {
  readonly #parts: (range: ByteRange) => AsyncIterable<Part>
  readonly #onClose: () => void

  constructor(parts: (range: ByteRange) => AsyncIterable<Part>, onClose: () => void = () => {}) {
    this.#parts = parts
    this.#onClose = onClose
  }

  held(): undefined {
    return undefined
  }

  send(range: ByteRange, write: (bytes: Buffer) => Promise<void>): Promise<void> {
    return sendAll(this.#parts(range), write)
  }

  stream(range: ByteRange): AsyncGenerator<Buffer, void, undefined> {
    return bytesOf(this.#parts(range))
  }

  close(): void {
    this.#onClose()
  }
}

/** Returns the part of a chunk at `offset` that lies within the range. */
export function clip(chunk: Buffer, offset: number, { start, end }: ByteRange): Buffer {
  return chunk.subarray(Math.max(0, start - offset), Math.min(chunk.length, end - offset))
}
