import { Digest, type DigestStream } from '../../digest.ts'
import type { BufferPool } from '../memory/pool.ts'
import type { HashThread } from './hash-thread.ts'
import type { Hasher } from './hasher.ts'

/** A chunk, and what it hashes to. On the way its bytes may have moved to another buffer. */
export interface Hashed {
  readonly chunk: Buffer
  readonly digest: Digest
}

/** Hashes the chunks of a file, in order, and the file. */
export interface FileDigest {
  add(chunk: Buffer): Hashed | Promise<Hashed>
  /** When all chunks have been added; `undefined` when there was but one, which is the file. */
  end(): Digest | undefined | Promise<Digest>
  /** Nobody wants to know any more. */
  drop(): void
}

/**
 * Here: each chunk for itself and for the file, but for the first one, which is what the file begins
 * with. A lone chunk that is not full is the file.
 */
export class LocalFileDigest implements FileDigest {
  readonly #hasher: Hasher
  readonly #chunkSize: number
  readonly #pool: BufferPool
  #stream: DigestStream | undefined

  constructor(hasher: Hasher, chunkSize: number, pool: BufferPool) {
    this.#hasher = hasher
    this.#chunkSize = chunkSize
    this.#pool = pool
  }

  add(chunk: Buffer): Hashed | Promise<Hashed> {
    if (this.#stream !== undefined) {
      this.#stream.update(chunk)
      return { chunk, digest: Digest.of(chunk) }
    }
    if (chunk.length < this.#chunkSize) return this.#hasher.hash(chunk, this.#pool)
    this.#stream = Digest.stream()
    this.#stream.update(chunk)
    return { chunk, digest: this.#stream.soFar() }
  }

  end(): Digest | undefined {
    return this.#stream?.digest()
  }

  drop(): void {}
}

/** On another thread. */
export class RemoteFileDigest implements FileDigest {
  readonly #thread: HashThread
  readonly #pool: BufferPool
  readonly #file: number

  constructor(thread: HashThread, pool: BufferPool) {
    this.#thread = thread
    this.#pool = pool
    this.#file = thread.open()
  }

  add(chunk: Buffer): Promise<Hashed> {
    return this.#thread.hash(chunk, this.#pool, this.#file)
  }

  end(): Promise<Digest> {
    return this.#thread.end(this.#file)
  }

  drop(): void {
    this.#thread.drop(this.#file)
  }
}
