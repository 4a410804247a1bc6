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
    const flight: Flight = { readers: 1, result: this.#fetch(digest, near) }
    this.#flights.set(digest.hex, flight)
    return flight.result
  }

  async #fetch(digest: Digest, near: Digest): Promise<FoundChunk> {
    const isAlone = this.#hot !== undefined // A small chunk that stays must not keep a block of memory alive.
    try {
      const found = await this.#source.find(digest, near, { discard: true, isAlone })
      if (typeof found !== 'string') this.#share(digest, found)
      return found
    } finally {
      this.#flights.delete(digest.hex)
    }
  }

  #share(digest: Digest, chunk: ChunkBytes): void {
    chunk.retain(this.#flights.get(digest.hex)!.readers - 1)
    if (this.#hot === undefined || chunk.length === 0) return
    chunk.retain() // Until the cache disposes of it.
    this.#hot.set(digest.hex, chunk)
  }
}
