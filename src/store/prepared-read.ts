import type { ChunkReader } from './chunk-reader.ts'
import type { ByteRange, Manifest } from './manifest.ts'

/**
 * Bytes of a file of which every chunk has been verified: held in memory where they fit the
 * budget, and otherwise read and verified again on the way out.
 */
export class PreparedRead {
  readonly #manifest: Manifest
  readonly #stream: (range: ByteRange) => AsyncIterable<Buffer>
  readonly #reader: ChunkReader
  readonly #onClose: () => void
  #held: ReadonlyMap<number, Buffer> | undefined
  #isClosed = false
  /** The memory may be somebody else's by now: saying it twice must do no harm. */
  readonly #recycled = new WeakSet<Buffer>()

  constructor(
    manifest: Manifest,
    reader: ChunkReader,
    stream: (range: ByteRange) => AsyncIterable<Buffer>,
    onClose: () => void,
    held?: ReadonlyMap<number, Buffer>,
  ) {
    this.#manifest = manifest
    this.#reader = reader
    this.#stream = stream
    this.#onClose = onClose
    this.#held = held
  }

  /** The bytes of `range`, without another read, if they are in memory. */
  held(range: ByteRange): Buffer[] | undefined {
    if (this.#held === undefined) return undefined
    if (this.#isClosed) throw new Error('a prepared read was used after it was closed')
    const { from, to } = this.#manifest.span(range)
    const parts: Buffer[] = []
    for (let index = from; index < to; index++) {
      parts.push(clip(this.#held.get(index)!, index * this.#manifest.chunkSize, range))
    }
    return parts
  }

  /**
   * The bytes of `range`, which must lie within what was prepared.
   * @throws {EvictedError | CorruptError} for a chunk that was lost since.
   */
  async *stream(range: ByteRange): AsyncGenerator<Buffer, void, undefined> {
    yield* this.held(range) ?? this.#stream(range)
  }

  /**
   * Says that bytes which `stream` yielded have left this process, so that their memory may be
   * filled with others at once. Optional; said too early, it sends wrong bytes.
   */
  recycle(bytes: Buffer): void {
    if (this.#held !== undefined || this.#recycled.has(bytes)) return
    this.#recycled.add(bytes)
    this.#reader.recycle(bytes)
  }

  /**
   * Gives the memory back to the budget. With `sent`, everything that was handed out has left this
   * process, as in `recycle`. Idempotent; nothing can be read afterwards.
   */
  close({ sent = false } = {}): void {
    if (sent) for (const chunk of this.#held?.values() ?? []) this.#reader.recycle(chunk)
    if (this.#held !== undefined) this.#held = new Map()
    this.#isClosed = true
    this.#onClose()
  }
}

export function clip(chunk: Buffer, offset: number, { start, end }: ByteRange): Buffer {
  return chunk.subarray(Math.max(0, start - offset), Math.min(chunk.length, end - offset))
}

/** The chunks that any of the ranges needs, each once, in order. */
export function chunksOf(manifest: Manifest, ranges: readonly ByteRange[]): number[] {
  const needed = new Set<number>()
  for (const range of ranges) {
    const { from, to } = manifest.span(range)
    for (let index = from; index < to; index++) needed.add(index)
  }
  return [...needed].sort((a, b) => a - b)
}
