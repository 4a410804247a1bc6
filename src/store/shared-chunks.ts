import { LRUCache } from 'lru-cache'
import type { Digest } from '../digest.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { ChunkSource, Found } from './chunk-source.ts'

interface Flight {
  result: Promise<Found>
  readers: number
}

/**
 * The chunks of a source, for many readers: those who ask for one chunk at the same time share its
 * fetch, and what was verified stays for the next one where memory is set aside for it. Chunks
 * cannot change, so that nothing here is ever stale.
 */
export class SharedChunks {
  readonly #source: ChunkSource
  readonly #pool: BufferPool
  readonly #hot: LRUCache<string, Buffer> | undefined
  readonly #flights = new Map<string, Flight>()
  /** Memory that stays as it is. */
  readonly #kept = new WeakSet<ArrayBufferLike>()
  readonly #options = { discard: true, allocate: (size: number) => this.#allocate(size) }

  /** @param hotBytes Bytes of verified chunks to keep; 0 for none. */
  constructor(source: ChunkSource, pool: BufferPool, hotBytes: number) {
    this.#source = source
    this.#pool = pool
    if (hotBytes > 0) {
      this.#hot = new LRUCache({
        maxSize: hotBytes,
        sizeCalculation: (chunk) => chunk.buffer.byteLength,
      })
    }
  }

  /** @param near The first chunk of its stripe. */
  find(digest: Digest, near: Digest): Promise<Found> {
    const hot = this.#hot?.get(digest.hex)
    if (hot !== undefined) return Promise.resolve(hot)
    const underway = this.#flights.get(digest.hex)
    if (underway !== undefined) {
      underway.readers++
      return underway.result
    }
    const flight: Flight = { result: this.#source.find(digest, near, this.#options), readers: 1 }
    const land = (found: Found) => {
      this.#flights.delete(digest.hex)
      if (typeof found !== 'string') this.#keep(digest, found, flight.readers)
      return found
    }
    const fail = (error: unknown) => {
      this.#flights.delete(digest.hex)
      throw error
    }
    this.#flights.set(digest.hex, flight)
    flight.result = flight.result.then(land, fail)
    return flight.result
  }

  /**
   * The caller needs the bytes that it found no more; nothing that it passed them to may do so either.
   * To be called once: of several readers the last one gives the memory back.
   */
  recycle(bytes: Buffer): void {
    if (!this.#kept.has(bytes.buffer)) this.#pool.giveBack(bytes)
  }

  /** What is kept for long must not keep more alive than itself. */
  #allocate(size: number): Buffer {
    return this.#hot === undefined ? this.#pool.take(size) : this.#pool.takeAlone(size)
  }

  #keep(digest: Digest, chunk: Buffer, readers: number): void {
    if (this.#hot !== undefined && chunk.length > 0) {
      this.#hot.set(digest.hex, chunk)
      this.#kept.add(chunk.buffer)
    } else if (readers > 1) this.#pool.share(chunk, readers)
  }
}
