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
  find(
    digest: Digest,
    { discard = false, isAlone = false }: FindChunkOptions = {},
  ): Promise<FoundChunk> {
    const { allocate, prove, chunkOf } = this.#receive(digest, isAlone)
    const found = this.#engine.get(this.#keys.chunk(digest), prove, { discard, allocate })
    return found.then(chunkOf, corruptIfDamaged)
  }

  /** As `find`, and writes again what copies of the chunk are missing or wrong. */
  repair(digest: Digest): Promise<{ found: FoundChunk; copies: CopyReport }> {
    const { allocate, prove, chunkOf } = this.#receive(digest, false)
    const options = { discard: true, allocate }
    const none = { wanted: 0, found: 0, repaired: 0, silent: 0 }
    return repairValue(this.#engine, this.#keys.chunk(digest), prove, options).then(
      ({ proven, copies }) => ({ found: chunkOf(proven), copies }),
      (error) => ({ found: corruptIfDamaged(error), copies: none }),
    )
  }

  /** Memory for the copies that one call to the engine receives; those that it does not return are dropped. */
  #receive(digest: Digest, isAlone: boolean) {
    const received: ChunkBytes[] = []
    const proven: ChunkBytes[] = []
    const verdict = ({ chunk, digest: actual }: Hashed) => {
      if (!actual.equals(digest)) return undefined
      proven.push(chunk)
      return chunk.bytes
    }
    return {
      allocate: (size: number) => {
        const chunk = isAlone ? this.#pool.takeAlone(size) : this.#pool.take(size)
        received.push(chunk)
        return chunk.bytes
      },
      /** Returns the bytes, as an engine expects: a thread may have moved them to other memory. */
      prove: (value: Buffer) => {
        // An engine may have memory of its own, which is not ours to lend again.
        const chunk = received.find(({ bytes }) => bytes === value) ?? new ChunkBytes(value)
        const hashed = this.#hasher.hash(chunk, this.#pool)
        return hashed instanceof Promise ? hashed.then(verdict) : verdict(hashed)
      },
      chunkOf: (found: Buffer | undefined): FoundChunk => {
        if (found === undefined) return 'evicted'
        return proven.find(({ bytes }) => bytes === found) ?? new ChunkBytes(found)
      },
    }
  }
}

function corruptIfDamaged(error: unknown): 'corrupt' {
  if (error instanceof DamagedError) return 'corrupt'
  throw error
}
