import { Worker } from 'node:worker_threads'
import { Digest } from '../../digest.ts'
import { UnavailableError } from '../../errors.ts'
import type { BufferPool } from '../memory/pool.ts'
import type { Hashed } from './file-digest.ts'

/** What a thread is told. */
export type Order =
  /** A chunk, whose bytes are handed over: the next one of a file, or one for itself. */
  | { file: number | undefined; chunk: Uint8Array<ArrayBuffer> }
  /** There are no more chunks. */
  | { file: number; end: true }
  /** Nobody wants to know any more; there is no answer. */
  | { file: number; drop: true }

/** What comes back, in the order in which it was asked for. */
export interface Answer {
  /** Of the chunk, or of the file at its end: 64 hexadecimal digits. */
  hex: string
  /** The chunk, handed back. */
  chunk?: Uint8Array<ArrayBuffer>
}

interface Waiting {
  resolve(answer: Answer): void
  reject(error: Error): void
}

/**
 * A thread that hashes the chunks of files, each of which stays with it, since SHA-256 takes the bytes
 * of a file in order. Bytes are handed over, not copied. It keeps the process alive only while it has work.
 */
export class HashThread {
  readonly #waiting: Waiting[] = []
  readonly #worker: Worker
  #files = 0
  #last: Promise<unknown> = Promise.resolve()
  #state: 'starting' | 'ready' | 'ended' = 'starting'

  constructor() {
    const code = new URL('./hash-worker.js', import.meta.url)
    this.#worker = new Worker(code, { name: 'blobcached hashes', execArgv: [] })
    this.#worker.on('message', (message: Answer | 'ready') => {
      if (message === 'ready') this.#state = 'ready'
      else this.#answered(message)
    })
    this.#worker.on('error', (error) => this.#ended(error))
    this.#worker.on('exit', () => this.#ended())
    this.#worker.unref() // After the listeners, which would keep the process alive.
  }

  get state(): 'starting' | 'ready' | 'ended' {
    return this.#state
  }

  /** Orders that have not been answered. */
  get load(): number {
    return this.#waiting.length
  }

  /** A number for a file that is to be hashed here. */
  open(): number {
    return ++this.#files
  }

  /**
   * Memory of `pool` goes to the thread, so that `chunk` is empty afterwards: what is resolved with has
   * its bytes. Those of others are copied first.
   * @param file The number of the file that it is the next chunk of.
   */
  async hash(chunk: Buffer, pool: BufferPool, file?: number): Promise<Hashed> {
    const own = pool.own(chunk)
    const { hex, chunk: back } = await this.#ask({ file, chunk: own }, [own.buffer])
    const { buffer, byteOffset, byteLength } = back!
    pool.adopt(buffer)
    return { chunk: Buffer.from(buffer, byteOffset, byteLength), digest: Digest.parse(hex) }
  }

  /** The digest of a file. */
  async end(file: number): Promise<Digest> {
    return Digest.parse((await this.#ask({ file, end: true })).hex)
  }

  drop(file: number): void {
    this.#worker.postMessage({ file, drop: true } satisfies Order)
  }

  /** Ends it when it has answered what it was asked. */
  async close(): Promise<void> {
    await this.#last.catch(() => {})
    await this.#worker.terminate()
  }

  #ask(order: Order, handedOver: ArrayBuffer[] = []): Promise<Answer> {
    const answer = new Promise<Answer>((resolve, reject) => {
      if (this.#state === 'ended') throw hasEnded()
      this.#worker.postMessage(order, handedOver)
      this.#waiting.push({ resolve, reject })
      if (this.#waiting.length === 1) this.#worker.ref()
    })
    this.#last = answer
    return answer
  }

  #answered(answer: Answer): void {
    this.#waiting.shift()?.resolve(answer)
    if (this.#waiting.length === 0) this.#worker.unref()
  }

  #ended(cause?: Error): void {
    this.#state = 'ended'
    for (const { reject } of this.#waiting.splice(0)) reject(hasEnded(cause))
  }
}

/** Another try is hashed somewhere else. */
function hasEnded(cause?: Error): UnavailableError {
  const options = { retryAfter: 1, ...(cause && { cause }) }
  return new UnavailableError('the thread that was to hash it has ended', options)
}
