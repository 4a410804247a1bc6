import type { Digest } from '../digest.ts'
import { CorruptError, EvictedError } from '../errors.ts'
import type { Found } from './chunk-source.ts'
import type { Chunk } from './manifest.ts'
import type { StoreEvents } from './observer.ts'
import type { Prefetched } from './prefetcher.ts'
import type { SharedChunks } from './shared-chunks.ts'
import { readAhead } from './window.ts'

/** The chunks of one file. */
export class ChunkReader {
  readonly #chunks: SharedChunks
  readonly #events: StoreEvents
  #prefetched: Prefetched | undefined

  /** @param prefetched A chunk that is under way already. */
  constructor(chunks: SharedChunks, events: StoreEvents, prefetched?: Prefetched) {
    this.#chunks = chunks
    this.#events = events
    this.#prefetched = prefetched
  }

  /** @throws {EvictedError | CorruptError} */
  async read(chunk: Chunk): Promise<Buffer> {
    const prefetched = this.#takePrefetched(chunk.digest)
    const found = prefetched && (await prefetched)
    // It was asked for before the link was, so it may have been stored since.
    if (found !== undefined && found !== 'evicted') return this.#expect(found, chunk)
    return this.#expect(await this.#chunks.find(chunk.digest, chunk.near), chunk)
  }

  /** The bytes of the chunks, in order, `window` of them under way at a time. */
  readAll(chunks: Iterable<Chunk>, window: number): AsyncGenerator<Buffer, void, undefined> {
    return readAhead(chunks, window, (chunk) => this.read(chunk))
  }

  /** The memory of bytes that were read here may be used for others. */
  recycle(bytes: Buffer): void {
    this.#chunks.recycle(bytes)
  }

  /** Once: whoever gets it may give its memory back. */
  #takePrefetched(digest: Digest): Promise<Found> | undefined {
    const prefetched = this.#prefetched
    if (prefetched === undefined || !prefetched.digest.equals(digest)) return undefined
    this.#prefetched = undefined
    return prefetched.found
  }

  #expect(found: Found, chunk: Chunk): Buffer {
    if (typeof found === 'string') this.#events.chunkLost(found)
    return expectBytes(found, chunk)
  }
}

function expectBytes(found: Found, { index, digest, offset, size }: Chunk): Buffer {
  const what = `chunk ${index} (${size} bytes at ${offset})`
  if (found === 'evicted') throw new EvictedError(`${what} is gone`)
  if (found !== 'corrupt' && found.length === size) return found
  throw new CorruptError(`${what} is not what was stored`, {
    expected: `${size} bytes with SHA-256 ${digest.hex}`,
    actual: found === 'corrupt' ? 'other bytes' : `${found.length} bytes`,
  })
}
