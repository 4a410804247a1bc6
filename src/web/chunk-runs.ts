import type { ChunkHealth, State } from './examine.ts'

/** Neighbouring chunks in the same state. */
export interface Run {
  readonly state: State
  readonly first: ChunkHealth
  readonly last: ChunkHealth
  /** Of the first and the last chunk, from 0. */
  readonly from: number
  readonly to: number
}

export function runsOf(chunks: readonly ChunkHealth[]): Run[] {
  const runs: Run[] = []
  let from = 0
  for (let to = 0; to < chunks.length; to++) {
    const [first, last, next] = [chunks[from]!, chunks[to]!, chunks[to + 1]]
    if (next?.state === first.state) continue
    runs.push({ state: first.state, first, last, from, to })
    from = to + 1
  }
  return runs
}

const WEIGHT = { intact: 0, evicted: 1, corrupt: 2 }

/** The state that counts where several chunks share a place. */
export function worst(chunks: readonly ChunkHealth[]): State {
  let found: State = 'intact'
  for (const { state } of chunks) if (WEIGHT[state] > WEIGHT[found]) found = state
  return found
}
