import { availableParallelism } from 'node:os'
import { Digest } from '../digest.ts'

/** Threads that Node's pool has by default. */
const POOL_THREADS = 4
/** Below this many bytes the trip to another thread and back takes longer than the work. */
const OFF_THREAD_MIN = 128 * 1024

/** One core is busy with everything else. */
export const DEFAULT_HASH_THREADS = Math.min(POOL_THREADS, availableParallelism() - 1)

/**
 * Hashes chunks on other threads while there are cores for that, and in place beyond: the thread
 * pool hashes a copy, which costs the event loop a third of what hashing would.
 */
export class Hasher {
  readonly #threads: number
  #busy = 0

  /** @param threads Chunks that are hashed on other threads at the same time. */
  constructor(threads: number) {
    this.#threads = threads
  }

  hash(bytes: Buffer): Digest | Promise<Digest> {
    if (bytes.length < OFF_THREAD_MIN || this.#busy >= this.#threads) return Digest.of(bytes)
    return this.#elsewhere(bytes)
  }

  async #elsewhere(bytes: Buffer): Promise<Digest> {
    this.#busy++
    try {
      return await Digest.offThread(bytes)
    } finally {
      this.#busy--
    }
  }
}
