import { Digest } from '../../digest.ts'
import type { Engine } from '../../engine/engine.ts'
import { InvalidArgumentError, TooLargeError } from '../../errors.ts'
import type { FileDigest, Hashed } from '../hashing/hash-thread.ts'
import type { Hasher } from '../hashing/hasher.ts'
import type { BufferPool } from '../memory/pool.ts'
import type { UploadMemory } from '../memory/upload-memory.ts'
import { Window, windowFor } from '../memory/window.ts'
import type { StoreSettings } from '../options.ts'
import type { Keys } from '../records/keys.ts'
import { maxChunkCount } from '../records/link.ts'
import { type Chunk, Manifest, stripeStart } from '../records/manifest.ts'
import { cut, type MadeChunk } from './chunker.ts'
import type { Pieces } from './source.ts'

export interface WriteOptions {
  memory: UploadMemory
  /** More bytes than this end the write. */
  maxSize: number
  signal?: AbortSignal | undefined
  /** Called with the number of bytes stored so far. */
  onStored?: ((bytes: number) => void) | undefined
  /** Called with each chunk that is stored, not always in order. */
  onChunk?: ((chunk: Chunk) => void) | undefined
}

/** The chunks of a file that are stored, and that nothing leads to yet. */
export interface Written {
  manifest: Manifest
  /** The fewest copies that any of the chunks was stored in. */
  copies: number
}

/** Cuts, hashes and stores the chunks of files. */
export class ChunkWriter {
  readonly #engine: Engine
  readonly #keys: Keys
  readonly #pool: BufferPool
  readonly #hasher: Hasher
  readonly #limits: Pick<StoreSettings, 'chunkSize' | 'maxFileSize'>

  /** @param pool For uploads alone: reads hand out memory of theirs, which may be uploaded. */
  constructor(
    engine: Engine,
    keys: Keys,
    pool: BufferPool,
    hasher: Hasher,
    limits: Pick<StoreSettings, 'chunkSize' | 'maxFileSize'>,
  ) {
    this.#engine = engine
    this.#keys = keys
    this.#pool = pool
    this.#hasher = hasher
    this.#limits = limits
  }

  /** The bytes that a file may have: the configured limit, or what one manifest can list. */
  async maxFileSize(): Promise<number> {
    const { chunkSize, maxFileSize } = this.#limits
    const maxValue = await this.#engine.maxValueSize(this.#keys.length, chunkSize)
    if (chunkSize > maxValue) {
      throw new InvalidArgumentError(
        `a chunk of ${chunkSize} bytes cannot be stored: the largest that can has ${maxValue} bytes`,
        { expected: `chunkSize <= ${maxValue}`, actual: String(chunkSize) },
      )
    }
    return Math.min(maxFileSize, maxChunkCount(maxValue) * chunkSize)
  }

  /** Stores every chunk, even one that seems to be there already: writing is what heals. */
  async write(pieces: Pieces, options: WriteOptions): Promise<Written> {
    const { chunkSize } = this.#limits
    const { memory, maxSize, signal, onStored, onChunk } = options
    const window = new Window(windowFor(chunkSize))
    const digests: Digest[] = []
    let file: FileDigest | undefined
    /** The first chunk of the stripe, whose digest says where the stripe lies. */
    let first: Hashed | Promise<Hashed> | undefined
    let size = 0
    let stored = 0
    let copies = Number.POSITIVE_INFINITY
    const store = async (
      index: number,
      room: MadeChunk['room'],
      hashing: Hashed | Promise<Hashed>,
      stripe: Hashed | Promise<Hashed>,
    ) => {
      try {
        const hashed = await hashing
        const near = stripe === hashing ? hashed.digest : (await stripe).digest
        const { length } = hashed.chunk
        digests[index] = hashed.digest
        const written = await this.#store(hashed, near)
        copies = Math.min(copies, written) // Others have ended meanwhile.
        stored += length
        onStored?.(stored)
        onChunk?.({ index, digest: hashed.digest, offset: index * chunkSize, size: length, near })
      } finally {
        memory.giveBack(room)
      }
    }
    try {
      for await (const { chunk, room } of cut(pieces, chunkSize, this.#pool, memory)) {
        signal?.throwIfAborted()
        size += chunk.length
        if (size > maxSize) throw tooLarge(maxSize)
        await window.room()
        file ??= this.#hasher.file(chunkSize, chunk.length === chunkSize, this.#pool)
        const index = digests.push(Digest.empty) - 1
        const hashing = file.add(chunk)
        if (first === undefined || stripeStart(index, chunkSize) === index) first = hashing
        window.add(store(index, room, hashing, first))
      }
      const ending = Promise.resolve(file?.end())
      ending.catch(() => {}) // It is awaited once the chunks are stored, if they can be.
      await window.finish()
      signal?.throwIfAborted()
      const whole = (await ending) ?? digests[0] ?? Digest.empty
      const list = Buffer.concat(digests.map((digest) => digest.bytes))
      return { manifest: new Manifest(whole, size, chunkSize, list), copies }
    } catch (error) {
      await window.settled()
      file?.drop()
      throw error
    }
  }

  async #store({ chunk, digest }: Hashed, near: Digest): Promise<number> {
    const late: Promise<boolean>[] = []
    const copies = await this.#engine.set(this.#keys.chunk(digest), chunk.bytes, {
      near: this.#keys.chunk(near),
      lingering: (ended) => late.push(ended),
    })
    // Not after a write that failed: it may still be on its way to a socket.
    if (late.length === 0) chunk.release()
    else void Promise.all(late).then((ends) => ends.every(Boolean) && chunk.release())
    return copies
  }
}

export function tooLarge(limit: number, actual = `more than ${limit} bytes`): TooLargeError {
  return new TooLargeError(`the file has ${actual}, and ${limit} bytes are allowed`, {
    expected: `at most ${limit} bytes`,
    actual,
  })
}
