import { Digest } from '../digest.ts'
import { DamagedError, type Engine, type GetOptions } from '../engine/engine.ts'
import { CorruptError, EvictedError } from '../errors.ts'
import type { Keys } from './keys.ts'
import type { Chunk } from './manifest.ts'
import { readAhead } from './window.ts'

/** Content that proved itself, or why there is none. */
export type Found = Buffer | 'evicted' | 'corrupt'

/** The one way out: whatever it hands on has the digest that it was asked for by. */
export class ChunkReader {
  readonly #engine: Engine
  readonly #keys: Keys

  constructor(engine: Engine, keys: Keys) {
    this.#engine = engine
    this.#keys = keys
  }

  /**
   * Looks for the chunk with that digest and hashes it before anyone sees it. The engine reads a
   * wrong one once more by another way; with `discard` it is then removed, so that the next
   * reader finds an honest gap.
   */
  async find(digest: Digest, options?: GetOptions): Promise<Found> {
    const prove = (value: Buffer) => provenBytes(value, digest)
    try {
      return (await this.#engine.get(this.#keys.chunk(digest), prove, options)) ?? 'evicted'
    } catch (error) {
      if (error instanceof DamagedError) return 'corrupt'
      throw error
    }
  }

  /** @throws {EvictedError | CorruptError} */
  async read(chunk: Chunk): Promise<Buffer> {
    return expectBytes(await this.find(chunk.digest, { discard: true }), chunk)
  }

  /** The bytes of the chunks, in order, `window` of them under way at a time. */
  readAll(chunks: Iterable<Chunk>, window: number): AsyncGenerator<Buffer, void, undefined> {
    return readAhead(chunks, window, (chunk) => this.read(chunk))
  }
}

/** @throws {EvictedError | CorruptError} */
export function expectBytes(found: Found, { index, digest, offset, size }: Chunk): Buffer {
  const what = `chunk ${index} (${size} bytes at ${offset})`
  if (found === 'evicted') throw new EvictedError(`${what} is gone`)
  if (found !== 'corrupt' && found.length === size) return found
  throw new CorruptError(`${what} is not what was stored`, {
    expected: `${size} bytes with SHA-256 ${digest.hex}`,
    actual: found === 'corrupt' ? 'other bytes' : `${found.length} bytes`,
  })
}

function provenBytes(
  value: Buffer,
  digest: Digest,
): Buffer | undefined | Promise<Buffer | undefined> {
  const verdict = (actual: Digest) => (actual.equals(digest) ? value : undefined)
  if (!Digest.isWorthThread(value)) return verdict(Digest.of(value))
  return Digest.offThread(value).then(verdict)
}
