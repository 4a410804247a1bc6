import type { ByteRange, Manifest } from './manifest.ts'

/**
 * Bytes of a file of which every chunk has been verified: held in memory where they fit the
 * budget, and otherwise read and verified again on the way out.
 */
export class PreparedRead {
  readonly #manifest: Manifest
  readonly #stream: (range: ByteRange) => AsyncIterable<Buffer>
  readonly #held: ReadonlyMap<number, Buffer> | undefined
  readonly #onClose: () => void

  constructor(
    manifest: Manifest,
    stream: (range: ByteRange) => AsyncIterable<Buffer>,
    onClose: () => void,
    held?: ReadonlyMap<number, Buffer>,
  ) {
    this.#manifest = manifest
    this.#stream = stream
    this.#onClose = onClose
    this.#held = held
  }

  /** The bytes of `range`, without another read, if they are in memory. */
  held(range: ByteRange): Buffer[] | undefined {
    if (this.#held === undefined) return undefined
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

  /** Gives the memory back; what was handed out must have been sent or copied. Idempotent. */
  close(): void {
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
