import { Digest, type DigestStream } from '../../digest.ts'
import type { ChunkBytes } from '../memory/chunk-bytes.ts'
import type { BufferPool } from '../memory/pool.ts'
import type { Hashed, HashThread } from './hash-thread.ts'

/** Hashes the chunks of a file, in order, and the file. */
export interface FileDigest {
  add(chunk: ChunkBytes): Hashed | Promise<Hashed>
  /** Call it after the last chunk. `undefined` for a file of one chunk, whose digest is the file's. */
  end(): Digest | undefined | Promise<Digest>
  /** Frees what is kept for a file whose digest is not needed any more. */
  drop(): void
}

/**
 * Hashes in place: each chunk by itself and for the file. The first chunk is hashed once, since the
 * file begins with it. A chunk that is not full is the whole file when it comes first.
 */
export class LocalFileDigest implements FileDigest {
  readonly #chunkSize: number
  readonly #hashAlone: (chunk: ChunkBytes) => Hashed | Promise<Hashed>
  #stream: DigestStream | undefined

  /** @param hashAlone Hashes the chunk of a file that has no other. */
  constructor(chunkSize: number, hashAlone: (chunk: ChunkBytes) => Hashed | Promise<Hashed>) {
    this.#chunkSize = chunkSize
    this.#hashAlone = hashAlone
  }

  add(chunk: ChunkBytes): Hashed | Promise<Hashed> {
    if (this.#stream !== undefined) {
      this.#stream.update(chunk.bytes)
      return { chunk, digest: Digest.of(chunk.bytes) }
    }
    if (chunk.length < this.#chunkSize) return this.#hashAlone(chunk)
    this.#stream = Digest.stream()
    this.#stream.update(chunk.bytes)
    return { chunk, digest: this.#stream.soFar() }
  }

  end(): Digest | undefined {
    return this.#stream?.digest()
  }

  drop(): void {}
}

/** Hashes on a thread. */
export class RemoteFileDigest implements FileDigest {
  readonly #thread: HashThread
  readonly #pool: BufferPool
  readonly #file: number

  constructor(thread: HashThread, pool: BufferPool) {
    this.#thread = thread
    this.#pool = pool
    this.#file = thread.open()
  }

  add(chunk: ChunkBytes): Promise<Hashed> {
    return this.#thread.hash(chunk, this.#pool, this.#file)
  }

  end(): Promise<Digest> {
    return this.#thread.end(this.#file)
  }

  drop(): void {
    this.#thread.drop(this.#file)
  }
}
