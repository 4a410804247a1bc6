import pLimit from 'p-limit'
import pMap from 'p-map'
import type { Engine } from '../engine/engine.ts'
import type { Keys } from './keys.ts'
import type { Manifest } from './manifest.ts'

/** Touches under way at once: enough to fill the pipeline, few enough to bound it. */
const MAX_TOUCHES = 256

/** Asks the engine which chunks are there, as far as that shows without reading; keeps those alive. */
export class Presence {
  readonly #engine: Engine
  readonly #keys: Keys
  /** For all who ask: many large files at once would be more than an engine lets wait in line. */
  readonly #limit = pLimit(MAX_TOUCHES)

  constructor(engine: Engine, keys: Keys) {
    this.#engine = engine
    this.#keys = keys
  }

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
    // Both bounds: a file's tens of thousands of chunks shall not stand in line all at once either.
    await pMap(manifest.chunks(), ({ digest }) => this.#limit(probe, this.#keys.chunk(digest)), {
      concurrency: MAX_TOUCHES,
    })
    return missing
  }
}
