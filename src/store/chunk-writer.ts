import { Digest } from '../digest.ts'
import type { Engine } from '../engine/engine.ts'
import { InsufficientStorageError, TooLargeError } from '../errors.ts'
import type { BufferPool } from './buffer-pool.ts'
import { cut } from './chunker.ts'
import type { FileDigest, Hashed } from './hashing/file-digest.ts'
import type { Hasher } from './hashing/hasher.ts'
import type { Keys } from './keys.ts'
import { Manifest, stripeStart } from './manifest.ts'
import type { Presence } from './presence.ts'
import type { Pieces } from './source.ts'
import { Window } from './window.ts'

export interface WriteOptions {
  chunkSize: number
  /** Chunks hashed and sent at the same time. */
  window: number
  /** More bytes than this end the write. */
  maxSize: number
  signal?: AbortSignal | undefined
  /** Called with the number of bytes stored so far. */
  onStored?: ((bytes: number) => void) | undefined
}

export interface Written {
  manifest: Manifest
  /** The fewest copies that any of the chunks was stored in. */
  copies: number
}

/** The one way in: cuts, hashes and stores chunks, then proves that all of them are there. */
export class ChunkWriter {
  readonly #engine: Engine
  readonly #keys: Keys
  readonly #presence: Presence
  readonly #pool: BufferPool
  readonly #hasher: Hasher

  /** @param pool For uploads alone: a chunk of its memory is given back once it is stored. */
  constructor(engine: Engine, keys: Keys, presence: Presence, pool: BufferPool, hasher: Hasher) {
    this.#engine = engine
    this.#keys = keys
    this.#presence = presence
    this.#pool = pool
    this.#hasher = hasher
  }

  /**
   * Stores every chunk, even one that seems to be there already: writing is what heals.
   * Nothing leads to the chunks until their manifest is stored.
   */
  async write(pieces: Pieces, options: WriteOptions): Promise<Written> {
    const { chunkSize, maxSize, signal, onStored } = options
    const window = new Window(options.window)
    const digests: Digest[] = []
    let file: FileDigest | undefined
    /** The first chunk of the stripe, whose digest says where the stripe lies. */
    let first: Hashed | Promise<Hashed> | undefined
    let size = 0
    let stored = 0
    let copies = Number.POSITIVE_INFINITY
    const store = async (
      index: number,
      hashing: Hashed | Promise<Hashed>,
      stripe: Hashed | Promise<Hashed>,
    ) => {
      const { chunk, digest } = await hashing
      digests[index] = digest
      const near = stripe === hashing ? digest : (await stripe).digest
      const written = await this.#store(chunk, digest, near)
      copies = Math.min(copies, written)
      stored += chunk.length
      onStored?.(stored)
    }
    try {
      for await (const chunk of cut(pieces, chunkSize, this.#pool)) {
        signal?.throwIfAborted()
        size += chunk.length
        if (size > maxSize) throw tooLarge(maxSize)
        await window.room()
        file ??= this.#hasher.file(chunkSize, chunk.length === chunkSize, this.#pool)
        const index = digests.push(Digest.empty) - 1
        const hashing = file.add(chunk)
        if (first === undefined || stripeStart(index, chunkSize) === index) first = hashing
        window.add(store(index, hashing, first))
      }
      const ending = Promise.resolve(file?.end())
      ending.catch(() => {}) // It is looked at when the chunks are stored, if they can be.
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

  /** @throws {InsufficientStorageError} when a chunk that was just written is gone again. */
  async checkPresence(manifest: Manifest, signal?: AbortSignal): Promise<void> {
    const missing = await this.#presence.countMissing(manifest, signal)
    if (missing === 0) return
    throw new InsufficientStorageError(
      `${missing} of ${manifest.chunkCount} chunks vanished before the upload finished: the cache ` +
        'has less memory than this file and what else is written need',
      { expected: `${manifest.chunkCount} chunks`, actual: `${manifest.chunkCount - missing}` },
    )
  }

  async #store(chunk: Buffer, digest: Digest, near: Digest): Promise<number> {
    const late: Promise<boolean>[] = []
    const copies = await this.#engine.set(this.#keys.chunk(digest), chunk, {
      near: this.#keys.chunk(near),
      lingering: (ended) => late.push(ended),
    })
    // Not after a write that failed: it may still be on its way to a socket.
    if (late.length === 0) this.#pool.giveBack(chunk)
    else void Promise.all(late).then((ends) => ends.every(Boolean) && this.#pool.giveBack(chunk))
    return copies
  }
}

export function tooLarge(limit: number, actual = `more than ${limit} bytes`): TooLargeError {
  return new TooLargeError(`the file has ${actual}, and ${limit} bytes are allowed`, {
    expected: `at most ${limit} bytes`,
    actual,
  })
}
