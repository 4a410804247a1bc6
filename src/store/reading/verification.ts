import type { Budgets } from '../memory/budgets.ts'
import { readAhead } from '../memory/window.ts'
import type { Chunk, Manifest } from '../records/manifest.ts'
import type { ChunkSource, FoundChunk } from './chunks/source.ts'
import type { Prover } from './prover.ts'

/** All chunks there and right, at least one gone, or at least one wrong, which counts for more than gone. */
export type State = 'intact' | 'evicted' | 'corrupt'

export interface ChunkHealth {
  hash: string
  offset: number
  size: number
  state: State
  /**
   * The servers that should hold it, as positions in what `engine.stats()` resolves with. Only where there
   * are several.
   */
  servers?: number[]
}

/** The health of a file and of each of its chunks. */
export interface Verification {
  state: State
  hash: string
  size: number
  chunkSize: number
  counts: Record<State, number>
  chunks: ChunkHealth[]
}

/** Reads every chunk and, where all are right, checks that together they are the file. */
export async function verifyFile(
  manifest: Manifest,
  { source, budgets, prover }: { source: ChunkSource; budgets: Budgets; prover: Prover },
  signal?: AbortSignal,
): Promise<Verification> {
  const counts = { intact: 0, evicted: 0, corrupt: 0 }
  const chunks: ChunkHealth[] = []
  const check = prover.check(manifest)
  const window = await budgets.window(manifest.size, manifest.chunkSize, signal)
  const find = async (chunk: Chunk) => ({
    chunk,
    found: await source.find(chunk.digest, chunk.near),
  })
  try {
    for await (const { chunk, found } of readAhead(
      manifest.chunks(),
      Math.max(1, window.chunks - 1),
      find,
    )) {
      signal?.throwIfAborted()
      const state = stateOfChunk(found, chunk)
      if (typeof found !== 'string') {
        if (state === 'intact' && isIntact(counts)) await check?.add(found)
        found.release()
      }
      counts[state]++
      const servers = source.placesOf(chunk.digest, chunk.near)
      const { digest, offset, size } = chunk
      chunks.push({ hash: digest.hex, offset, size, state, ...(servers && { servers }) })
    }
    const { digest, size, chunkSize } = manifest
    const isOther = isIntact(counts) && (await check?.end()) === false
    const state = isOther ? 'corrupt' : stateOf(counts)
    return { state, hash: digest.hex, size, chunkSize, counts, chunks }
  } finally {
    check?.drop()
    window.release()
  }
}

export function stateOfChunk(found: FoundChunk, { size }: Chunk): State {
  if (typeof found === 'string') return found
  return found.length === size ? 'intact' : 'corrupt'
}

export function isIntact(counts: Record<State, number>): boolean {
  return stateOf(counts) === 'intact'
}

/** The state of a file by the states of its chunks. */
export function stateOf(counts: Record<State, number>): State {
  if (counts.corrupt > 0) return 'corrupt'
  return counts.evicted > 0 ? 'evicted' : 'intact'
}
