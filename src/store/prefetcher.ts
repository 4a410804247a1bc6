import { LRUCache } from 'lru-cache'
import type { Digest } from '../digest.ts'
import type { Budgets } from './budgets.ts'
import type { Found } from './chunk-source.ts'
import type { ParsedRef } from './file-ref.ts'
import type { Manifest } from './manifest.ts'
import type { SharedChunks } from './shared-chunks.ts'

/** Names whose chunk is remembered. */
const MAX_NAMES = 16_384
/** Bytes; for larger chunks one trip more or less is no matter, and one for nothing is. */
const MAX_GUESSED = 64 * 1024

/** A chunk on its way before the link has said that it is needed. */
export interface Prefetched {
  readonly digest: Digest
  readonly found: Promise<Found>
}

interface Guess {
  readonly digest: Digest
  readonly size: number
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
  readonly #guesses = new LRUCache<string, Guess>({ max: MAX_NAMES })

  constructor(chunks: SharedChunks, budgets: Budgets, chunkSize: number) {
    this.#chunks = chunks
    this.#budgets = budgets
    this.#chunkSize = chunkSize
  }

  /** Only where there is memory for it now: nobody waits before the link says what for. */
  start({ name, hash }: ParsedRef): Prefetched | undefined {
    const guess = name === undefined ? undefined : this.#guesses.get(name)
    const { digest, size } = guess ?? { digest: hash, size: this.#chunkSize }
    const lease = digest && this.#budgets.tryHold(size)
    if (digest === undefined || lease === undefined) return undefined
    const found = this.#chunks.find(digest).finally(lease.release)
    found.catch(() => {}) // Whoever reads the chunk gets the failure.
    return { digest, found }
  }

  /** What `name` leads to now. */
  learn(name: string, { digest, size, chunkCount }: Manifest): void {
    if (chunkCount !== 1 || size > MAX_GUESSED) this.#guesses.delete(name)
    else if (this.#guesses.peek(name)?.digest.equals(digest) !== true) {
      this.#guesses.set(name, { digest, size })
    }
  }
}
