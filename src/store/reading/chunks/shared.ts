import { LRUCache } from 'lru-cache'
import type { Digest } from '../../../digest.ts'
import type { ChunkBytes } from '../../memory/chunk-bytes.ts'
import type { ChunkSource, FoundChunk } from './source.ts'

/** A fetch under way. */
interface Flight {
  readonly result: Promise<FoundChunk>
  readers: number
}

/**
 * The chunks of a source, for many readers: those who ask for one chunk at the same time share its
 * fetch, and verified chunks stay in the hot cache. Chunks cannot change, so neither is ever outdated.
 */
export class SharedChunks {
  readonly #source: ChunkSource
  readonly #hot: LRUCache<string, ChunkBytes> | undefined
  readonly #flights = new Map<string, Flight>()

  /** @param hotBytes Bytes of the hot cache; 0 for none. */
  constructor(source: ChunkSource, hotBytes: number) {
    this.#source = source
    if (hotBytes > 0) {
      this.#hot = new LRUCache({
        maxSize: hotBytes,
        sizeCalculation: ({ bytes }) => bytes.buffer.byteLength,
        dispose: (chunk) => chunk.release(),
      })
    }
  }

  /**
   * Each reader releases what it gets.
   * @param near The first chunk of its stripe.
   */
  find(digest: Digest, near: Digest): Promise<FoundChunk> {
    const hot = this.#hot?.get(digest.hex)
    if (hot !== undefined) {
      hot.retain()
      return Promise.resolve(hot)
    }
    const underway = this.#flights.get(digest.hex)
    if (underway !== undefined) {
      underway.readers++
      return underway.result
    }
    const land = (found: FoundChunk) => {
      if (typeof found !== 'string') this.#share(digest, found)
      this.#flights.delete(digest.hex)
      return found
    }
    const fail = (error: unknown) => {
      this.#flights.delete(digest.hex)
      throw error
    }
    // A small chunk that stays must not keep a block of memory alive.
    const options = { discard: true, isAlone: this.#hot !== undefined }
    const result = this.#source.find(digest, near, options).then(land, fail)
    this.#flights.set(digest.hex, { readers: 1, result })
    return result
  }

  #share(digest: Digest, chunk: ChunkBytes): void {
    chunk.retain(this.#flights.get(digest.hex)!.readers - 1)
    if (this.#hot === undefined || chunk.length === 0) return
    chunk.retain() // Until the cache disposes of it.
    this.#hot.set(digest.hex, chunk)
  }
}
