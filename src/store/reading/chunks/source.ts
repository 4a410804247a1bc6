import type { Digest } from '../../../digest.ts'
import { type CopyReport, DamagedError, type Engine } from '../../../engine/engine.ts'
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

  /** Reads the chunk with that digest; the engine reads a wrong one once more by another way. */
  async find(
    digest: Digest,
    { discard = false, isAlone = false }: FindChunkOptions = {},
  ): Promise<FoundChunk> {
    const received = new Received(this.#pool, isAlone)
    const prove = (value: Buffer) => this.#prove(received.chunkOf(value), digest)
    const options = { discard, allocate: received.allocate }
    try {
      return (await this.#engine.get(this.#keys.chunk(digest), prove, options)) ?? 'evicted'
    } catch (error) {
      if (error instanceof DamagedError) return 'corrupt'
      throw error
    }
  }

  /** As `find`, and writes again what copies of the chunk are missing or wrong. */
  async repair(digest: Digest): Promise<{ found: FoundChunk; copies: CopyReport }> {
    const received = new Received(this.#pool, false)
    const prove = (value: Buffer) => this.#prove(received.chunkOf(value), digest)
    const options = { discard: true, allocate: received.allocate }
    try {
      const key = this.#keys.chunk(digest)
      const { proven, copies } = await repairValue(this.#engine, key, prove, options)
      return { found: proven ?? 'evicted', copies }
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error
      return { found: 'corrupt', copies: { wanted: 0, found: 0, repaired: 0, silent: 0 } }
    }
  }

  #prove(chunk: ChunkBytes, digest: Digest): Proven | Promise<Proven> {
    const verdict = (hashed: Hashed) => (hashed.digest.equals(digest) ? hashed.chunk : undefined)
    const hashed = this.#hasher.hash(chunk, this.#pool)
    return hashed instanceof Promise ? hashed.then(verdict) : verdict(hashed)
  }
}

type Proven = ChunkBytes | undefined

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
