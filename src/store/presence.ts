import pLimit from 'p-limit'
import pMap from 'p-map'
import type { Digest } from '../digest.ts'
import type { Engine } from '../engine/engine.ts'
import type { Keys } from './keys.ts'
import type { Chunk, Manifest } from './manifest.ts'

/**
 * Touches under way at once, of one file and in all: enough to fill the pipeline, few enough for an
 * engine's line, and so many more in all that a small file does not wait for the whole of large ones.
 */
const MAX_TOUCHES = { ofFile: 128, inAll: 1024 }

/** Asks the engine which chunks are there, as far as that shows without reading; keeps those alive. */
export class Presence {
  readonly #engine: Engine
  readonly #keys: Keys
  /** For all who ask: many large files at once would be more than an engine lets wait in line. */
  readonly #limit = pLimit(MAX_TOUCHES.inAll)

  constructor(engine: Engine, keys: Keys) {
    this.#engine = engine
    this.#keys = keys
  }

  /** An abort of `signal` ends the wait for those that have not been asked for yet, and for the others. */
  async countMissing(manifest: Manifest, signal?: AbortSignal): Promise<number> {
    const touch = (digest: Digest, near: Digest) =>
      this.#engine.touch(this.#keys.chunk(digest), 0, { near: this.#keys.chunk(near) })
    if (manifest.chunkCount === 1) {
      return (await touch(manifest.digest, manifest.digest)) ? 0 : 1
    }
    let missing = 0
    const probe = async ({ digest, near }: Chunk) => {
      signal?.throwIfAborted()
      if (!(await touch(digest, near))) missing++
    }
    await pMap(manifest.chunks(), (chunk) => this.#limit(probe, chunk), {
      concurrency: MAX_TOUCHES.ofFile,
      signal,
    })
    return missing
  }
}
