import { availableParallelism } from 'node:os'
import { Digest, type DigestStream } from '../../digest.ts'
import type { ChunkBytes } from '../memory/chunk-bytes.ts'
import type { BufferPool } from '../memory/pool.ts'
import { type FileDigest, type Hashed, HashThread } from './hash-thread.ts'

/** More threads hash faster than chunks can arrive. */
const MAX_THREADS = 4
/** Bytes; hashing less takes less time than the trip to another thread and back. */
const THREAD_MIN = 128 * 1024
/** Chunks in line for a thread; with more, hashing in place is sooner done. */
const MAX_LOAD = 16

/** Milliseconds from the last start of a thread until one that has ended is replaced. */
const RESTART_MS = 30_000

/** Returns how many hash threads each of `processes` on this machine should have: its cores less one, 4 at most. */
export function hashThreadsFor(processes: number): number {
  const share = Math.floor(availableParallelism() / processes)
  return Math.max(0, Math.min(MAX_THREADS, share - 1))
}

/**
 * Hashes chunks and files on threads, and in place where there is none or all are busy. Starts a thread when
 * the others are busy; it gets work once it is ready.
 */
export class Hasher {
  #limit: number
  readonly #threads: HashThread[] = []
  #startedAt = Number.NEGATIVE_INFINITY

  /** @param limit The most threads. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** @param pool Gives the memory for a copy, where a thread cannot have that of the chunk. */
  hash(chunk: ChunkBytes, pool: BufferPool): Hashed | Promise<Hashed> {
    const thread = chunk.length < THREAD_MIN ? undefined : this.#thread()
    if (thread === undefined || thread.load >= MAX_LOAD) {
      return { chunk, digest: Digest.of(chunk.bytes) }
    }
    return thread.hash(chunk, pool)
  }

  /**
   * Hashes a file that is cut into chunks: on one thread where there may be several chunks, since their
   * bytes are hashed twice.
   * @param isLong Whether there may be more than one chunk.
   */
  file(chunkSize: number, isLong: boolean, pool: BufferPool): FileDigest {
    const thread = isLong && chunkSize >= THREAD_MIN ? this.#thread() : undefined
    return thread?.file(pool) ?? this.#fileInPlace(chunkSize, pool)
  }

  /** Ends the threads; from now on everything is hashed in place. */
  async close(): Promise<void> {
    this.#limit = 0
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  /**
   * Hashes each chunk by itself and for the file; the first one once, since the file begins with it. A
   * chunk that is not full is the whole file when it comes first.
   */
  #fileInPlace(chunkSize: number, pool: BufferPool): FileDigest {
    let whole: DigestStream | undefined
    const add = (chunk: ChunkBytes) => {
      const isFirst = whole === undefined
      if (isFirst && chunk.length < chunkSize) return this.hash(chunk, pool)
      whole ??= Digest.stream()
      whole.update(chunk.bytes)
      return { chunk, digest: isFirst ? whole.soFar() : Digest.of(chunk.bytes) }
    }
    return { add, end: () => whole?.digest(), drop() {} }
  }

  /** Returns the thread with the least to do. */
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

  /** Starts a thread, in the place of one that ended if need be; rarely, since it may end for the same reason. */
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
