import { InvalidArgumentError } from '../../errors.ts'
import { ChunkBytes } from '../memory/chunk-bytes.ts'
import type { BufferPool } from '../memory/pool.ts'
import type { Pieces } from './source.ts'

/**
 * Cuts pieces of any size into chunks of exactly `chunkSize` bytes, but for the last. Yields
 * nothing for no bytes. A piece that is a whole chunk, or all of the last one, is not copied;
 * others are copied once, into memory of `pool`. The caller releases the chunks.
 */
export async function* cut(
  pieces: Pieces,
  chunkSize: number,
  pool: BufferPool,
): AsyncGenerator<ChunkBytes, void, undefined> {
  const chunk = new PartialChunk(pool)
  for await (const piece of pieces) {
    let rest = asBuffer(piece)
    while (chunk.length + rest.length >= chunkSize) {
      const missing = chunkSize - chunk.length
      yield chunk.complete(rest.subarray(0, missing))
      rest = rest.subarray(missing)
    }
    if (rest.length > 0) chunk.add(rest)
  }
  if (chunk.length > 0) yield chunk.complete()
}

/** A chunk in the making; a lone piece waits uncopied until another one joins it. */
class PartialChunk {
  length = 0
  readonly #pool: BufferPool
  #lone: Buffer | undefined
  #joined: ChunkBytes | undefined

  constructor(pool: BufferPool) {
    this.#pool = pool
  }

  add(piece: Buffer): void {
    if (this.length === 0) this.#lone = piece
    else this.#join(piece)
    this.length += piece.length
  }

  complete(piece?: Buffer): ChunkBytes {
    if (piece !== undefined) this.add(piece)
    const chunk = this.#joined ?? new ChunkBytes(this.#lone!)
    if (chunk.length > this.length) chunk.bytes = chunk.bytes.subarray(0, this.length)
    this.#lone = undefined
    this.#joined = undefined
    this.length = 0
    return chunk
  }

  #join(piece: Buffer): void {
    this.#joined ??= this.#pool.take()
    this.#lone?.copy(this.#joined.bytes)
    this.#lone = undefined
    piece.copy(this.#joined.bytes, this.length)
  }
}

/** @throws {InvalidArgumentError} for anything but bytes. */
export function asBuffer(piece: Uint8Array): Buffer {
  if (piece instanceof Uint8Array) {
    return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
  }
  throw new InvalidArgumentError('a source yields Uint8Array, nothing else', {
    actual: typeof piece,
  })
}
