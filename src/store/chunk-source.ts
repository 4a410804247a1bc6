import type { Digest } from '../digest.ts'
import { type CopyReport, DamagedError, type Engine, type GetOptions } from '../engine/engine.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { Hashed } from './hashing/file-digest.ts'
import type { Hasher } from './hashing/hasher.ts'
import type { Keys } from './keys.ts'
import { repairCopies } from './repair-copies.ts'

/** Content that proved itself, or why there is none. */
export type Found = Buffer | 'evicted' | 'corrupt'

/** The chunks in an engine: whatever it hands on has the digest that it was asked for by. */
export class ChunkSource {
  readonly #engine: Engine
  readonly #keys: Keys
  readonly #hasher: Hasher
  readonly #pool: BufferPool

  constructor(engine: Engine, keys: Keys, hasher: Hasher, pool: BufferPool) {
    this.#engine = engine
    this.#keys = keys
    this.#hasher = hasher
    this.#pool = pool
  }

  /** For all that do not bring memory of their own. */
  readonly #options: GetOptions = { allocate: (size) => this.#pool.take(size) }

  /**
   * Looks for the chunk with that digest and hashes it before anyone sees it. The engine reads a
   * wrong one once more by another way; with `discard` it is then removed, so that the next
   * reader finds an honest gap.
   * @param near The first chunk of its stripe.
   */
  async find(digest: Digest, near: Digest, options: GetOptions = this.#options): Promise<Found> {
    const prove = (value: Buffer) => this.#prove(value, digest)
    try {
      const placed = { ...options, near: this.#keys.chunk(near) }
      return (await this.#engine.get(this.#keys.chunk(digest), prove, placed)) ?? 'evicted'
    } catch (error) {
      if (error instanceof DamagedError) return 'corrupt'
      throw error
    }
  }

  /** As `find`, and writes again what copies of the chunk are missing or wrong. */
  async repair(digest: Digest, near: Digest): Promise<{ found: Found; copies: CopyReport }> {
    const prove = (value: Buffer) => this.#prove(value, digest)
    try {
      const key = this.#keys.chunk(digest)
      const options = { ...this.#options, discard: true, near: this.#keys.chunk(near) }
      const { proven, copies } = await repairCopies(this.#engine, key, prove, options)
      return { found: proven ?? 'evicted', copies }
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error
      return { found: 'corrupt', copies: { wanted: 0, found: 0, repaired: 0, silent: 0 } }
    }
  }

  /** Nothing needs what `find` or `repair` found any more. */
  recycle(found: Found): void {
    if (typeof found !== 'string') this.#pool.giveBack(found)
  }

  #prove(value: Buffer, digest: Digest): Proven | Promise<Proven> {
    const verdict = (hashed: Hashed) => (hashed.digest.equals(digest) ? hashed.chunk : undefined)
    const hashed = this.#hasher.hash(value, this.#pool)
    return hashed instanceof Promise ? hashed.then(verdict) : verdict(hashed)
  }
}

type Proven = Buffer | undefined
