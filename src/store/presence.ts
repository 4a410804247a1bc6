import pMap from 'p-map'
import type { Engine } from '../engine/engine.ts'
import type { Keys } from './keys.ts'
import type { Manifest } from './manifest.ts'

/** Touches under way at once: enough to fill the pipeline, few enough to bound it. */
const MAX_TOUCHES = 256

/** Counts the chunks that are gone, as far as that shows without reading; keeps the others alive. */
export async function countMissing(
  engine: Engine,
  keys: Keys,
  manifest: Manifest,
  signal?: AbortSignal,
): Promise<number> {
  if (manifest.chunkCount === 1) {
    return (await engine.touch(keys.chunk(manifest.digest), 0)) ? 0 : 1
  }
  let missing = 0
  const probe = async (key: string) => {
    signal?.throwIfAborted()
    if (!(await engine.touch(key, 0))) missing++
  }
  await pMap(manifest.chunks(), ({ digest }) => probe(keys.chunk(digest)), {
    concurrency: MAX_TOUCHES,
  })
  return missing
}
