import { CorruptError, EvictedError } from '../../../errors.ts'
import type { ChunkBytes } from '../../memory/chunk-bytes.ts'
import { readAhead } from '../../memory/window.ts'
import type { StoreEvents } from '../../observer.ts'
import type { Chunk } from '../../records/manifest.ts'
import type { KeptChunks } from '../kept-chunks.ts'
import type { Prefetched } from './prefetch.ts'
import type { SharedChunks } from './shared.ts'
import type { FoundChunk } from './source.ts'

/** Reads the chunks of one file; the caller releases each. */
export class ChunkReader {
  readonly #chunks: SharedChunks
  readonly #events: StoreEvents
  readonly #onWrongLength: () => void
  readonly #prefetched: Prefetched | undefined

  /**
   * @param onWrongLength Called when a chunk has its digest and another length than its manifest says.
   * @param prefetched Probably the only chunk of the file.
   */
  constructor(
    chunks: SharedChunks,
    events: StoreEvents,
    onWrongLength: () => void,
    prefetched?: Prefetched,
  ) {
    this.#chunks = chunks
    this.#events = events
    this.#onWrongLength = onWrongLength
    this.#prefetched = prefetched
  }

  /** @throws {EvictedError | CorruptError} */
  async read(chunk: Chunk): Promise<ChunkBytes> {
    const prefetched = this.#prefetched?.take(chunk.digest)
    const found = prefetched && (await prefetched)
    // It was asked for before the link was, so it may have been stored since.
    if (found !== undefined && found !== 'evicted') return this.#expect(found, chunk)
    return this.#expect(await this.#chunks.find(chunk.digest, chunk.near), chunk)
  }

  /**
   * Yields the chunks in order, `window` of them under way at a time.
   * @param kept Those that need not be read.
   */
  readAll(
    chunks: Iterable<Chunk>,
    window: number,
    kept?: KeptChunks,
  ): AsyncGenerator<ChunkBytes, void, undefined> {
    return readAhead(chunks, window, async (chunk) => kept?.take(chunk.index) ?? this.read(chunk))
  }

  #expect(found: FoundChunk, { index, digest, offset, size }: Chunk): ChunkBytes {
    if (typeof found === 'string') this.#events.chunkLost(found)
    else if (found.length === size) return found
    else this.#onWrongLength()
    const what = `chunk ${index} (${size} bytes at ${offset})`
    if (found === 'evicted') throw new EvictedError(`${what} is gone`)
    throw new CorruptError(`${what} is not what was stored`, {
      expected: `${size} bytes with SHA-256 ${digest.hex}`,
      actual: found === 'corrupt' ? 'other bytes' : `${found.length} bytes`,
    })
  }
}
