import type { Digest } from '../../../digest.ts'
import {
  type CopyReport,
  DamagedError,
  type Engine,
  type GetOptions,
  type Proof,
} from '../../../engine/engine.ts'
import type { Hashed } from '../../hashing/hash-thread.ts'
import type { Hasher } from '../../hashing/hasher.ts'
import { ChunkBytes } from '../../memory/chunk-bytes.ts'
import type { BufferPool } from '../../memory/pool.ts'
import type { Keys } from '../../records/keys.ts'
import { repairValue } from '../../records/repair-value.ts'

/** A verified chunk, which its reader releases, or why there is none. */
export type FoundChunk = ChunkBytes | 'evicted' | 'corrupt'

export interface FindChunkOptions {
  /** Remove a chunk that is wrong, so that its next reader finds it evicted. Default false. */
  discard?: boolean
  /** Receive it in memory that nothing else is in. Default false. */
  isAlone?: boolean
}

/** The chunks in an engine: each is hashed before it is handed on. */
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

  /**
   * Reads the chunk with that digest; the engine reads a wrong one once more by another way.
   * @param near The first chunk of its stripe.
   */
  async find(digest: Digest, near: Digest, options: FindChunkOptions = {}): Promise<FoundChunk> {
    const get = (...args: Asked) => this.#engine.get(...args)
    return (await this.#ask(digest, near, options, get)) ?? 'evicted'
  }

  /** As `find`, and writes again what copies of the chunk are missing or wrong. */
  async repair(digest: Digest, near: Digest): Promise<{ found: FoundChunk; copies: CopyReport }> {
    const repair = (...args: Asked) => repairValue(this.#engine, ...args)
    const result = await this.#ask(digest, near, { discard: true }, repair)
    if (result !== 'corrupt') return { found: result.proven ?? 'evicted', copies: result.copies }
    return { found: result, copies: { wanted: 0, found: 0, repaired: 0, silent: 0 } }
  }

  async #ask<T>(
    digest: Digest,
    near: Digest,
    { discard = false, isAlone = false }: FindChunkOptions,
    ask: (...args: Asked) => Promise<T>,
  ): Promise<T | 'corrupt'> {
    const received = new Received(this.#pool, isAlone)
    const prove = (value: Buffer) => this.#prove(received.chunkOf(value), digest)
    try {
      const { allocate } = received
      const key = this.#keys.chunk(digest)
      const options = { discard, allocate, near: near === digest ? key : this.#keys.chunk(near) }
      return await ask(key, prove, options)
    } catch (error) {
      if (error instanceof DamagedError) return 'corrupt'
      throw error
    }
  }

  #prove(chunk: ChunkBytes, digest: Digest): Proven | Promise<Proven> {
    const verdict = (hashed: Hashed) => (hashed.digest.equals(digest) ? hashed.chunk : undefined)
    const hashed = this.#hasher.hash(chunk, this.#pool)
    return hashed instanceof Promise ? hashed.then(verdict) : verdict(hashed)
  }
}

type Proven = ChunkBytes | undefined
/** What an engine is asked with: the key, the proof, and options. */
type Asked = [string, Proof<ChunkBytes>, GetOptions<ChunkBytes>]

/** What one call to an engine received, one value for each copy; those that are not used are dropped. */
class Received {
  readonly allocate: (size: number) => Buffer
  readonly #chunks: ChunkBytes[] = []

  constructor(pool: BufferPool, isAlone: boolean) {
    this.allocate = (size) => {
      const chunk = isAlone ? pool.takeAlone(size) : pool.take(size)
      this.#chunks.push(chunk)
      return chunk.bytes
    }
  }

  /** An engine may have memory of its own, which is not ours to lend again. */
  chunkOf(value: Buffer): ChunkBytes {
    return this.#chunks.find(({ bytes }) => bytes === value) ?? new ChunkBytes(value)
  }
}
