import type { Digest } from '../digest.ts'
import type { Budgets } from './budgets.ts'
import type { Found } from './chunk-source.ts'
import type { ParsedRef } from './file-ref.ts'
import type { Manifest } from './manifest.ts'
import type { SharedChunks } from './shared-chunks.ts'

/** Bytes; for larger chunks one trip more or less is no matter, and one for nothing is. */
const MAX_GUESSED = 64 * 1024

/** A chunk on its way before the link has said that it is needed. */
export interface Prefetched {
  readonly digest: Digest
  readonly found: Promise<Found>
}

/**
 * Asks for the only chunk of a small file along with its link, one trip instead of two. By hash the
 * chunk is known; by name it is what the name led to last time, which is a guess: the link says what is
 * served, and a chunk that it does not name is dropped.
 */
export class Prefetcher {
  readonly #chunks: SharedChunks
  readonly #budgets: Budgets
  readonly #chunkSize: number

  constructor(chunks: SharedChunks, budgets: Budgets, chunkSize: number) {
    this.#chunks = chunks
    this.#budgets = budgets
    this.#chunkSize = chunkSize
  }

  /**
   * Only where there is memory for it now: nobody waits before the link says what for.
   * @param lately What `ref` led to last, where that is known.
   */
  start({ hash }: ParsedRef, lately: Manifest | undefined): Prefetched | undefined {
    if (lately !== undefined && lately.chunkCount !== 1) return undefined
    if (hash !== undefined) return this.#fetch(hash, lately?.size ?? this.#chunkSize)
    if (lately === undefined || lately.size > MAX_GUESSED) return undefined
    return this.#fetch(lately.digest, lately.size)
  }

  #fetch(digest: Digest, size: number): Prefetched | undefined {
    const lease = this.#budgets.tryHold(size)
    if (lease === undefined) return undefined
    const found = this.#chunks.find(digest, digest)
    const release = () => lease.release()
    found.then(release, release) // Whoever reads the chunk gets the failure.
    return { digest, found }
  }
}
