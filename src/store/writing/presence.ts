import pLimit from 'p-limit'
import pMap from 'p-map'
import type { Engine } from '../../engine/engine.ts'
import type { Keys } from '../records/keys.ts'
import type { Manifest } from '../records/manifest.ts'

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
    const touch = (key: string) => this.#engine.touch(key, 0)
    if (manifest.chunkCount === 1) {
      return (await touch(this.#keys.chunk(manifest.digest))) ? 0 : 1
    }
    let missing = 0
    const probe = async (key: string) => {
      signal?.throwIfAborted()
      if (!(await touch(key))) missing++
    }
    await pMap(manifest.chunks(), ({ digest }) => this.#limit(probe, this.#keys.chunk(digest)), {
      concurrency: MAX_TOUCHES.ofFile,
      signal,
    })
    return missing
  }
}
