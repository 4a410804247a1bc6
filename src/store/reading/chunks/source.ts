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

  /**
   * Reads the chunk with that digest; the engine reads a wrong one once more by another way.
   * @param near The first chunk of its stripe.
   */
  find(
    digest: Digest,
    near: Digest,
    { discard = false, isAlone = false }: FindChunkOptions = {},
  ): Promise<FoundChunk> {
    const { key, prove, options } = this.#ask(digest, near, discard, isAlone)
    return this.#engine.get(key, prove, options).then(orEvicted, orCorrupt)
  }

  /** Returns which of several servers should hold the chunk; `undefined` where there is one. */
  placesOf(digest: Digest, near: Digest): number[] | undefined {
    return this.#engine.placesOf?.(this.#keys.chunk(digest), { near: this.#keys.chunk(near) })
  }

  /** As `find`, and writes again what copies of the chunk are missing or wrong. */
  async repair(digest: Digest, near: Digest): Promise<{ found: FoundChunk; copies: CopyReport }> {
    const { key, prove, options } = this.#ask(digest, near, true, false)
    return repairValue(this.#engine, key, prove, options).then(
      ({ proven, copies }) => ({ found: orEvicted(proven), copies }),
      (error) => ({
        found: orCorrupt(error),
        copies: { wanted: 0, found: 0, repaired: 0, silent: 0 },
      }),
    )
  }

  /** What to ask the engine. Of the copies that it receives, those that are not used are dropped. */
  #ask(digest: Digest, near: Digest, discard: boolean, isAlone: boolean) {
    const key = this.#keys.chunk(digest)
    const received: ChunkBytes[] = []
    const allocate = (size: number) => {
      const chunk = isAlone ? this.#pool.takeAlone(size) : this.#pool.take(size)
      received.push(chunk)
      return chunk.bytes
    }
    const prove = (value: Buffer) => {
      // An engine may have memory of its own, which is not ours to lend again.
      const chunk = received.find(({ bytes }) => bytes === value) ?? new ChunkBytes(value)
      return this.#prove(chunk, digest)
    }
    const place = near === digest ? key : this.#keys.chunk(near)
    return { key, prove, options: { discard, allocate, bytesOf, near: place } }
  }

  #prove(chunk: ChunkBytes, digest: Digest): Proven | Promise<Proven> {
    const verdict = (hashed: Hashed) => (hashed.digest.equals(digest) ? hashed.chunk : undefined)
    const hashed = this.#hasher.hash(chunk, this.#pool)
    return hashed instanceof Promise ? hashed.then(verdict) : verdict(hashed)
  }
}

const bytesOf = ({ bytes }: ChunkBytes) => bytes

type Proven = ChunkBytes | undefined

function orEvicted(found: Proven): FoundChunk {
  return found ?? 'evicted'
}

function orCorrupt(error: unknown): 'corrupt' {
  if (error instanceof DamagedError) return 'corrupt'
  throw error
}
