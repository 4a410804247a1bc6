import type { Lease } from '../memory/byte-budget.ts'
import type { ChunkBytes } from '../memory/chunk-bytes.ts'

/**
 * The first chunks of a read that is verified before it is sent, as many as there is room for: only the others
 * have to be read twice. The room is given back chunk by chunk.
 */
export class KeptChunks {
  readonly #lease: Lease | undefined
  readonly #chunks = new Map<number, ChunkBytes>()
  #bytes = 0

  /** @param lease Room for some of the chunks; `undefined` to keep none. */
  constructor(lease: Lease | undefined) {
    this.#lease = lease
  }

  /** Keeps a chunk if there is room for it, and otherwise releases it. */
  add(index: number, chunk: ChunkBytes): void {
    if (this.#lease === undefined || this.#bytes + chunk.length > this.#lease.bytes) {
      chunk.release()
      return
    }
    this.#bytes += chunk.length
    this.#chunks.set(index, chunk)
  }

  /** Returns a chunk that was kept, once; its reader releases it. */
  take(index: number): ChunkBytes | undefined {
    const chunk = this.#chunks.get(index)
    if (chunk === undefined) return undefined
    this.#chunks.delete(index)
    this.#bytes -= chunk.length
    this.#lease!.shrink(this.#bytes)
    return chunk
  }

  /** Idempotent. */
  close(): void {
    for (const chunk of this.#chunks.values()) chunk.release()
    this.#chunks.clear()
    this.#lease?.release()
  }
}
