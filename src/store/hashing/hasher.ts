import { availableParallelism } from 'node:os'
import { Digest } from '../../digest.ts'
import type { BufferPool } from '../buffer-pool.ts'
import { type FileDigest, LocalFileDigest, RemoteFileDigest } from './file-digest.ts'
import { HashThread } from './hash-thread.ts'

/** Threads that Node's pool has by default. */
const POOL_THREADS = 4
/** Below this many bytes the trip to another thread and back takes longer than the work. */
const OFF_THREAD_MIN = 128 * 1024

/** One core is busy with everything else. */
export const DEFAULT_HASH_THREADS = Math.min(POOL_THREADS, availableParallelism() - 1)

/** Hashes on other threads while there are cores for that, and in place beyond. */
export class Hasher {
  readonly #threads: number
  readonly #fileThreads: HashThread[] = []
  #busy = 0

  /** @param threads Chunks that are hashed on other threads at the same time, and files likewise. */
  constructor(threads: number) {
    this.#threads = threads
  }

  /**
   * The digest of a chunk. The thread pool hashes a copy, which costs the event loop a third of what hashing
   * would.
   */
  hash(bytes: Buffer): Digest | Promise<Digest> {
    if (bytes.length < OFF_THREAD_MIN || this.#busy >= this.#threads) return Digest.of(bytes)
    return this.#elsewhere(bytes)
  }

  /**
   * Hashes a file that is cut into chunks: on a thread where it has several large ones, since each byte
   * is hashed twice then.
   * @param isLong Whether there may be more than one chunk.
   * @param pool Where the memory of its chunks is from.
   */
  file(chunkSize: number, isLong: boolean, pool: BufferPool): FileDigest {
    const thread = isLong && chunkSize >= OFF_THREAD_MIN ? this.#thread() : undefined
    return thread ? new RemoteFileDigest(thread, pool) : new LocalFileDigest(chunkSize, this)
  }

  async close(): Promise<void> {
    await Promise.all(this.#fileThreads.map((thread) => thread.close()))
  }

  /** The one with the least to do; none before it has started, which takes longer than most files. */
  #thread(): HashThread | undefined {
    if (this.#fileThreads.length < this.#threads) this.#fileThreads.push(new HashThread())
    let best: HashThread | undefined
    for (const thread of this.#fileThreads) {
      if (thread.isReady && (best === undefined || thread.load < best.load)) best = thread
    }
    return best
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
