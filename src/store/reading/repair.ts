import type { CopyReport } from '../../engine/engine.ts'
import type { Budgets } from '../memory/budgets.ts'
import { readAhead } from '../memory/window.ts'
import type { Chunk, Manifest } from '../records/manifest.ts'
import type { ChunkSource } from './chunks/source.ts'
import type { Prover } from './prover.ts'
import { isIntact, type State, stateOf, stateOfChunk } from './verification.ts'

/** How many copies of a file were found and written again, and what state the file is in. */
export interface Repair {
  /** Of the file, afterwards. */
  state: State
  hash: string
  size: number
  /** The copies of the link that the call named. */
  link: CopyReport
  /** How many chunks are intact, evicted and corrupt afterwards. */
  counts: Record<State, number>
  /** The copies of all chunks together. */
  chunks: CopyReport
}

/** How many copies of a chunk may be in memory at the same time. */
const COPIES_AT_ONCE = 4

/** Reads every copy of every chunk and writes those again that another copy can replace. */
export async function repairChunks(
  manifest: Manifest,
  { source, budgets, prover }: { source: ChunkSource; budgets: Budgets; prover: Prover },
  signal?: AbortSignal,
): Promise<Omit<Repair, 'link'>> {
  const { digest, size, chunkSize } = manifest
  const counts = { intact: 0, evicted: 0, corrupt: 0 }
  const copies: CopyReport = { wanted: 0, found: 0, repaired: 0, silent: 0 }
  const lease = await budgets.window(size, chunkSize, signal)
  const limit = Math.max(1, Math.floor(lease.chunks / COPIES_AT_ONCE))
  const check = prover.check(manifest)
  const repair = async (chunk: Chunk) => ({
    chunk,
    ...(await source.repair(chunk.digest, chunk.near)),
  })
  try {
    for await (const { chunk, found, ...repaired } of readAhead(manifest.chunks(), limit, repair)) {
      signal?.throwIfAborted()
      counts[stateOfChunk(found, chunk)]++
      if (typeof found !== 'string') {
        if (isIntact(counts)) await check?.add(found)
        found.release()
      }
      for (const figure of FIGURES) copies[figure] += repaired.copies[figure]
    }
    const isOther = isIntact(counts) && (await check?.end()) === false
    const state = isOther ? 'corrupt' : stateOf(counts)
    return { state, hash: digest.hex, size, counts, chunks: copies }
  } finally {
    check?.drop()
    lease.release()
  }
}

const FIGURES = ['wanted', 'found', 'repaired', 'silent'] as const
