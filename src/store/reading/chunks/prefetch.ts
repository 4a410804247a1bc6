import type { Digest } from '../../../digest.ts'
import type { ParsedRef } from '../../file-ref.ts'
import type { Budgets } from '../../memory/budgets.ts'
import type { Lease } from '../../memory/byte-budget.ts'
import type { Manifest } from '../../records/manifest.ts'
import type { SharedChunks } from './shared.ts'
import type { FoundChunk } from './source.ts'

/** Bytes; for larger chunks a saved trip matters less, and a fetch for nothing costs more. */
const MAX_GUESSED = 64 * 1024

/** A chunk that was asked for before its link has said that it is needed, and the room for it. */
export class Prefetched {
  readonly #digest: Digest
  #found: Promise<FoundChunk> | undefined
  #lease: Lease | undefined

  constructor(digest: Digest, found: Promise<FoundChunk>, lease: Lease) {
    this.#digest = digest
    this.#found = found
    this.#lease = lease
    found.catch(() => this.#release()) // The reader of the chunk gets the failure.
  }

  /** The chunk, once, if it is the one with that digest. Its reader releases it. */
  take(digest: Digest): Promise<FoundChunk> | undefined {
    if (!this.#digest.equals(digest)) {
      this.expire()
      return undefined
    }
    const found = this.#found
    this.#found = undefined
    this.#release()
    return found
  }

  /** The room for the `bytes` of the chunk with that digest, once, while there is any. */
  takeLease(digest: Digest, bytes: number): Lease | undefined {
    const lease = this.#lease
    if (lease === undefined || lease.bytes < bytes || !this.#digest.equals(digest)) return undefined
    this.#lease = undefined
    lease.shrink(bytes)
    return lease
  }

  /** Gives the room back once the chunk has arrived, unless it is taken until then. */
  expire(): void {
    const release = () => this.#release()
    this.#found?.then(release, release)
  }

  #release(): void {
    this.#lease?.release()
    this.#lease = undefined
  }
}

/**
 * Asks for the only chunk of a small file along with its link: one trip instead of two. By hash the
 * chunk is known; by name it is the one that the name led to last, which is a guess: the link says what is
 * served, and another chunk is dropped. Returns `undefined` where there is no memory for it now.
 * @param known What `ref` led to last, where that is known.
 * @param chunkSize Bytes that a chunk of unknown size may have.
 */
export function prefetch(
  { hash }: ParsedRef,
  known: Manifest | undefined,
  { chunks, budgets }: { chunks: SharedChunks; budgets: Budgets },
  chunkSize: number,
): Prefetched | undefined {
  if (known !== undefined && known.chunkCount !== 1) return undefined
  const isGuess = hash === undefined
  if (isGuess && (known === undefined || known.size > MAX_GUESSED)) return undefined
  const digest = hash ?? known!.digest
  const lease = budgets.tryHold(known?.size ?? chunkSize)
  return lease && new Prefetched(digest, chunks.find(digest, digest), lease)
}
