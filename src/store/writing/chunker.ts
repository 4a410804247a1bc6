import { InvalidArgumentError } from '../../errors.ts'
import type { Lease } from '../memory/byte-budget.ts'
import { ChunkBytes } from '../memory/chunk-bytes.ts'
import type { BufferPool } from '../memory/pool.ts'
import type { UploadMemory } from '../memory/upload-memory.ts'
import type { Pieces } from './source.ts'

/** A chunk, and the room for it: give that back once the chunk is stored. */
export interface MadeChunk {
  readonly chunk: ChunkBytes
  readonly room: Lease | undefined
}

/**
 * Cuts pieces of any size into chunks of exactly `chunkSize` bytes, but for the last, and waits for room in
 * `memory` for them. Yields nothing for no bytes. A piece that is a whole chunk, or all of the last one, is not
 * copied; others are copied into memory of `pool`: once, or twice where they are the start of a chunk. The caller releases the chunks.
 */
export async function* cut(
  pieces: Pieces,
  chunkSize: number,
  pool: BufferPool,
  memory: UploadMemory,
): AsyncGenerator<MadeChunk, void, undefined> {
  const chunk = new PartialChunk(pool, memory)
  for await (const piece of pieces) {
    let rest = asBuffer(piece)
    while (chunk.length + rest.length >= chunkSize) {
      const missing = chunkSize - chunk.length
      const wait = memory.reserve(chunkSize)
      if (wait !== undefined) await wait
      yield chunk.complete(rest.subarray(0, missing))
      rest = rest.subarray(missing)
    }
    if (rest.length === 0) continue
    const wait = memory.reserve(chunk.length + rest.length)
    if (wait !== undefined) await wait
    chunk.add(rest)
  }
  if (chunk.length > 0) yield chunk.complete()
}

/** A chunk in the making; a lone piece waits uncopied until another one joins it. */
class PartialChunk {
  length = 0
  readonly #pool: BufferPool
  readonly #memory: UploadMemory
  #lone: Buffer | undefined
  #joined: ChunkBytes | undefined

  constructor(pool: BufferPool, memory: UploadMemory) {
    this.#pool = pool
    this.#memory = memory
  }

  /** Adds a piece that there is room for. */
  add(piece: Buffer): void {
    if (this.length === 0) this.#lone = piece
    else this.#join(piece)
    this.length += piece.length
  }

  complete(piece?: Buffer): MadeChunk {
    if (piece !== undefined) this.add(piece)
    const chunk = this.#joined ?? new ChunkBytes(this.#lone!)
    if (chunk.length > this.length) chunk.bytes = chunk.bytes.subarray(0, this.length)
    const room = this.#memory.complete(this.length)
    this.#lone = undefined
    this.#joined = undefined
    this.length = 0
    return { chunk, room }
  }

  #join(piece: Buffer): void {
    const before = this.#joined
    if (before === undefined || before.length < this.length + piece.length) {
      this.#joined = this.#pool.take(this.#memory.room)
      const start = this.#lone ?? before!.bytes
      start.copy(this.#joined.bytes, 0, 0, this.length)
      this.#lone = undefined
      before?.release()
    }
    piece.copy(this.#joined!.bytes, this.length)
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
