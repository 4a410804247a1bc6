import { Digest, type DigestStream } from '../../digest.ts'
import type { BufferPool } from '../buffer-pool.ts'
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
  /** When all chunks have been hashed. @param chunks Their digests. */
  end(chunks: readonly Digest[]): Digest | Promise<Digest>
  /** Nobody wants to know any more. */
  drop(): void
}

/** Here: each chunk for itself and for the file, unless it is the first one, which is what the file begins with. */
export class LocalFileDigest implements FileDigest {
  readonly #chunkSize: number
  readonly #hasher: Hasher
  #stream: DigestStream | undefined

  constructor(chunkSize: number, hasher: Hasher) {
    this.#chunkSize = chunkSize
    this.#hasher = hasher
  }

  add(chunk: Buffer): Hashed | Promise<Hashed> {
    const digest = this.#digest(chunk)
    if (!(digest instanceof Promise)) return { chunk, digest }
    return digest.then((digest) => ({ chunk, digest }))
  }

  end(chunks: readonly Digest[]): Digest {
    return this.#stream?.digest() ?? chunks[0] ?? Digest.empty
  }

  drop(): void {}

  #digest(chunk: Buffer): Digest | Promise<Digest> {
    if (this.#stream !== undefined) {
      const hashing = this.#hasher.hash(chunk) // Elsewhere, while the file is hashed here.
      this.#stream.update(chunk)
      return hashing
    }
    if (chunk.length < this.#chunkSize) return this.#hasher.hash(chunk)
    this.#stream = Digest.stream()
    this.#stream.update(chunk)
    return this.#stream.soFar()
  }
}

/** On another thread, to which the memory of each chunk goes and from which it comes back. */
export class RemoteFileDigest implements FileDigest {
  readonly #thread: HashThread
  readonly #pool: BufferPool
  readonly #file: number

  /** @param pool Where the memory of chunks is from. */
  constructor(thread: HashThread, pool: BufferPool) {
    this.#thread = thread
    this.#pool = pool
    this.#file = thread.open()
  }

  async add(chunk: Buffer): Promise<Hashed> {
    const sent = this.#pool.own(chunk)
    const { hex, chunk: back } = await this.#thread.add(this.#file, sent)
    const { buffer, byteOffset, byteLength } = back!
    this.#pool.adopt(buffer)
    return { chunk: Buffer.from(buffer, byteOffset, byteLength), digest: Digest.parse(hex) }
  }

  async end(): Promise<Digest> {
    return Digest.parse((await this.#thread.end(this.#file)).hex)
  }

  drop(): void {
    this.#thread.drop(this.#file)
  }
}
