import { createHash } from 'node:crypto'
import { Digest } from '../../digest.ts'

/** Bytes of the largest chunk: a reader has to hold it at once. */
export const MAX_CHUNK_SIZE = 16 * 1024 * 1024

/** One chunk of a file: `size` bytes at `offset` that have the digest `digest`. */
export interface Chunk {
  readonly index: number
  readonly digest: Digest
  readonly offset: number
  readonly size: number
  /** That of the first chunk of its stripe, next to which several servers keep it. */
  readonly near: Digest
}

/**
 * Bytes of a file that lie on the same servers, as whole chunks, at least one: docs/design.md. Part of the
 * format, since it says where chunks are looked for.
 */
const STRIPE_BYTES = 32 * 1024 * 1024

/** The first chunk of the stripe that a chunk belongs to. */
export function stripeStart(index: number, chunkSize: number): number {
  return index - (index % Math.max(1, Math.round(STRIPE_BYTES / chunkSize)))
}

/** The ordered chunks of one file. Every chunk but the last has `chunkSize` bytes. */
export class Manifest {
  readonly digest: Digest
  readonly size: number
  readonly chunkSize: number
  readonly #digests: Buffer
  #identity: string | undefined

  /** @param digests The chunks' digests, 32 bytes each, in order; not to be changed afterwards. */
  constructor(digest: Digest, size: number, chunkSize: number, digests: Buffer) {
    this.digest = digest
    this.size = size
    this.chunkSize = chunkSize
    this.#digests = digests
  }

  /** Returns a copy in memory of its own. */
  copy(): Manifest {
    const digests = Buffer.alloc(this.#digests.length) // Unlike `from`, never a part of a larger buffer.
    this.#digests.copy(digests)
    return new Manifest(this.digest, this.size, this.chunkSize, digests)
  }

  get digests(): Buffer {
    return this.#digests
  }

  get chunkCount(): number {
    return this.#digests.length / Digest.byteLength
  }

  /** The same for manifests that are equal in every part. */
  get identity(): string {
    this.#identity ??= createHash('sha256')
      .update(`${this.digest.hex} ${this.size} ${this.chunkSize} `)
      .update(this.#digests)
      .digest('base64url')
    return this.#identity
  }

  chunk(index: number): Chunk {
    const offset = index * this.chunkSize
    const digest = this.chunkCount === 1 ? this.digest : this.#digestAt(index)
    const first = stripeStart(index, this.chunkSize)
    return {
      index,
      digest,
      offset,
      size: Math.min(this.chunkSize, this.size - offset),
      near: first === index ? digest : this.#digestAt(first),
    }
  }

  *chunks(from = 0, to = this.chunkCount): Generator<Chunk, void, undefined> {
    for (let index = from; index < to; index++) yield this.chunk(index)
  }

  /** Returns which chunks hold the bytes of the range: from `from` up to, not including, `to`. */
  span({ start, end }: ByteRange): { from: number; to: number } {
    if (end <= start) return { from: 0, to: 0 }
    return { from: Math.floor(start / this.chunkSize), to: Math.ceil(end / this.chunkSize) }
  }

  /** Returns the indices of the chunks that any of the ranges needs, each once, in order. */
  indicesOf(ranges: readonly ByteRange[]): number[] {
    const needed: number[] = []
    for (const range of ranges) {
      const { from, to } = this.span(range)
      for (let index = from; index < to; index++) needed.push(index)
    }
    return ranges.length === 1 ? needed : [...new Set(needed)].sort((a, b) => a - b)
  }

  #digestAt(index: number): Digest {
    const at = index * Digest.byteLength
    return Digest.from(this.#digests.subarray(at, at + Digest.byteLength))
  }
}

/** From the byte at `start` up to, not including, the byte at `end`. */
export interface ByteRange {
  start: number
  end: number
}

/** Returns whether these can belong to one file. To be checked before anything is read or allocated. */
export function isPossible(
  digest: Digest,
  size: number,
  chunkSize: number,
  digests: Buffer,
): boolean {
  if (!Number.isSafeInteger(size) || size < 0) return false
  if (chunkSize < 1 || chunkSize > MAX_CHUNK_SIZE) return false
  if (digests.length !== Math.ceil(size / chunkSize) * Digest.byteLength) return false
  // A file of one chunk is that chunk, and there is only one empty file.
  if (size === 0) return digest.equals(Digest.empty)
  return digests.length > Digest.byteLength || digests.equals(digest.bytes)
}
