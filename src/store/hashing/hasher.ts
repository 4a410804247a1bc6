import { availableParallelism } from 'node:os'
import { Digest } from '../../digest.ts'
import type { BufferPool } from '../memory/pool.ts'
import { type FileDigest, type Hashed, LocalFileDigest, RemoteFileDigest } from './file-digest.ts'
import { HashThread } from './hash-thread.ts'

/** More would hash faster than chunks can come. */
const MAX_THREADS = 4
/** Below this many bytes the trip to another thread and back takes longer than the work. */
const THREAD_MIN = 128 * 1024
/** Chunks that a thread has before it; another one is hashed sooner here. */
const MAX_LOAD = 16

/** Milliseconds after the last start until a thread that has ended is replaced. */
const RESTART_MS = 30_000

/** For each of so many processes that have the cores together: one core is busy with everything else. */
export function hashThreadsFor(processes: number): number {
  const share = Math.floor(availableParallelism() / processes)
  return Math.max(0, Math.min(MAX_THREADS, share - 1))
}

/**
 * Hashes chunks and files on threads of its own while there are cores for that, and in place otherwise.
 * A thread is started when the others are busy, and gets nothing to do before it is ready.
 */
export class Hasher {
  #limit: number
  readonly #threads: HashThread[] = []
  #startedAt = Number.NEGATIVE_INFINITY

  /** @param limit Threads at most. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** @param pool Where memory comes from for a chunk that is somebody else's. */
  hash(chunk: Buffer, pool: BufferPool): Hashed | Promise<Hashed> {
    const thread = chunk.length < THREAD_MIN ? undefined : this.#thread()
    if (thread === undefined || thread.load >= MAX_LOAD) return { chunk, digest: Digest.of(chunk) }
    return thread.hash(chunk, pool)
  }

  /**
   * For a file that is cut into chunks. A long one stays with a thread, since its bytes are hashed twice.
   * @param isLong Whether there may be more than one chunk.
   */
  file(chunkSize: number, isLong: boolean, pool: BufferPool): FileDigest {
    const thread = isLong && chunkSize >= THREAD_MIN ? this.#thread() : undefined
    if (thread === undefined) return new LocalFileDigest(this, chunkSize, pool)
    return new RemoteFileDigest(thread, pool)
  }

  /** What is hashed from now on is hashed in place. */
  async close(): Promise<void> {
    this.#limit = 0
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  /** The one with the least to do. */
  #thread(): HashThread | undefined {
    if (this.#limit === 0) return undefined
    let best: HashThread | undefined
    let isStarting = false
    for (const thread of this.#threads) {
      if (thread.state === 'starting') isStarting = true
      if (thread.state !== 'ready') continue
      if (best === undefined || thread.load < best.load) best = thread
    }
    if (!isStarting && (best === undefined || best.load > 0)) this.#start()
    return best
  }

  /** In the place of one that ended, if need be, but not again and again: it may end for the same reason. */
  #start(): void {
    const now = performance.now()
    const ended = this.#threads.findIndex(({ state }) => state === 'ended')
    const isFull = this.#threads.length >= this.#limit
    if (isFull && (ended === -1 || now - this.#startedAt < RESTART_MS)) return
    if (isFull) this.#threads.splice(ended, 1)
    this.#startedAt = now
    try {
      this.#threads.push(new HashThread())
    } catch {
      this.#limit = 0 // Where threads are not allowed.
    }
  }
}
