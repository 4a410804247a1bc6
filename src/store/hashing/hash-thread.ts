import { Worker } from 'node:worker_threads'
import { Digest } from '../../digest.ts'
import { UnavailableError } from '../../errors.ts'
import type { ChunkBytes } from '../memory/chunk-bytes.ts'
import type { BufferPool } from '../memory/pool.ts'

/** A chunk and its digest. A thread gets a copy of memory that is not ours, which is the chunk then. */
export interface Hashed {
  readonly chunk: ChunkBytes
  readonly digest: Digest
}

/** Hashes the chunks of a file, in order, and the file. */
export interface FileDigest {
  add(chunk: ChunkBytes): Hashed | Promise<Hashed>
  /** Call it after the last chunk. `undefined` for a file of one chunk, whose digest is the file's. */
  end(): Digest | undefined | Promise<Digest>
  /** Frees what is kept for a file whose digest is not needed any more. */
  drop(): void
}

/** What a thread is told. */
export type HashOrder =
  /** A chunk, whose bytes are handed over: the next one of a file, or one for itself. */
  | { file: number | undefined; chunk: Uint8Array<ArrayBuffer> }
  /** There are no more chunks. */
  | { file: number; end: true }
  /** The digest of the file is not needed any more; there is no answer. */
  | { file: number; drop: true }

/** What a thread answers, in the order of its orders. */
export interface HashAnswer {
  /** Of the chunk, or of the file at its end: 64 hexadecimal digits. */
  hex: string
  /** The chunk, handed back. */
  chunk?: Uint8Array<ArrayBuffer>
}

interface PendingOrder {
  resolve(answer: HashAnswer): void
  reject(error: Error): void
}

/**
 * Hashes the chunks of files on a thread. A file stays with its thread, since SHA-256 takes the bytes of a
 * file in order. Keeps the process alive only while it has work.
 */
export class HashThread {
  readonly #waiting: PendingOrder[] = []
  readonly #worker: Worker
  #files = 0
  #last: Promise<unknown> = Promise.resolve()
  #state: 'starting' | 'ready' | 'ended' = 'starting'

  constructor() {
    const code = new URL('./hash-worker.js', import.meta.url)
    this.#worker = new Worker(code, { name: 'blobcached hashes', execArgv: [] })
    this.#worker.on('message', (message: HashAnswer | 'ready') => {
      if (message === 'ready') this.#state = 'ready'
      else this.#answered(message)
    })
    this.#worker.on('error', (error) => this.#ended(error))
    this.#worker.on('exit', () => this.#ended())
    this.#worker.unref() // After the listeners are added, since they keep the process alive.
  }

  get state(): 'starting' | 'ready' | 'ended' {
    return this.#state
  }

  /** Orders that have not been answered. */
  get load(): number {
    return this.#waiting.length
  }

  /** Hashes a file; what its chunks are copied to, if need be, is memory of `pool`. */
  file(pool: BufferPool): FileDigest {
    const file = ++this.#files
    return {
      add: (chunk) => this.hash(chunk, pool, file),
      end: async () => Digest.parse((await this.#ask({ file, end: true })).hex),
      drop: () => this.#worker.postMessage({ file, drop: true } satisfies HashOrder),
    }
  }

  /**
   * Hands the memory of `chunk` to the thread, which leaves the chunk empty until it is hashed. Memory that
   * is not ours, or has other bytes in it, is copied first.
   * @param file The number of the file that it is the next chunk of.
   */
  async hash(chunk: ChunkBytes, pool: BufferPool, file?: number): Promise<Hashed> {
    const own = chunk.isAlone ? chunk : copyOf(chunk, pool)
    const bytes = own.bytes as Buffer<ArrayBuffer>
    const { hex, chunk: back } = await this.#ask({ file, chunk: bytes }, [bytes.buffer])
    own.bytes = Buffer.from(back!.buffer, back!.byteOffset, back!.byteLength)
    return { chunk: own, digest: Digest.parse(hex) }
  }

  /** Ends the thread when it has answered every order. */
  async close(): Promise<void> {
    await this.#last.catch(() => {})
    await this.#worker.terminate()
  }

  #ask(order: HashOrder, handedOver: ArrayBuffer[] = []): Promise<HashAnswer> {
    const answer = new Promise<HashAnswer>((resolve, reject) => {
      if (this.#state === 'ended') throw hasEnded()
      this.#worker.postMessage(order, handedOver)
      this.#waiting.push({ resolve, reject })
      if (this.#waiting.length === 1) this.#worker.ref()
    })
    this.#last = answer
    return answer
  }

  #answered(answer: HashAnswer): void {
    this.#waiting.shift()?.resolve(answer)
    if (this.#waiting.length === 0) this.#worker.unref()
  }

  #ended(cause?: Error): void {
    this.#state = 'ended'
    for (const { reject } of this.#waiting.splice(0)) reject(hasEnded(cause))
  }
}

function copyOf({ bytes }: ChunkBytes, pool: BufferPool): ChunkBytes {
  const copy = pool.takeAlone(bytes.length)
  bytes.copy(copy.bytes)
  return copy
}

/** Another try is hashed somewhere else. */
function hasEnded(cause?: Error): UnavailableError {
  const options = { retryAfter: 1, ...(cause && { cause }) }
  return new UnavailableError('the thread that was to hash it has ended', options)
}
