import { count, hash, listOf, object, positive } from './schema.ts'

/** Every byte is right, at least one chunk is gone, or at least one is wrong. */
export type State = 'intact' | 'evicted' | 'corrupt'
export type Counts = Record<State, number>

export interface ChunkJson {
  hash: string
  /** Of its first byte in the file. */
  offset: number
  /** Bytes. */
  size: number
}

export interface ChunkHealthJson extends ChunkJson {
  state: State
}

/** Which chunks a file consists of, in order. */
export interface ManifestJson {
  hash: string
  size: number
  chunkSize: number
  chunks: ChunkJson[]
}

/** What reading and checking every chunk found. */
export interface HealthJson extends ManifestJson {
  state: State
  counts: Counts
  chunks: ChunkHealthJson[]
}

interface CopiesJson {
  wanted: number
  found: number
  repaired: number
  silent: number
}

/** How many copies there were, and what `POST /blobs/{hash}/repair` did about the rest. */
export interface RepairJson {
  state: State
  hash: string
  size: number
  link: CopiesJson
  counts: Counts
  chunks: CopiesJson
}

export const STATES: readonly State[] = ['intact', 'evicted', 'corrupt']

/** The worst state among `items`: corrupt is worse than evicted. */
export function worstOf(items: Iterable<{ readonly state: State }>): State {
  let worst: State = 'intact'
  for (const { state } of items) {
    if (STATES.indexOf(state) > STATES.indexOf(worst)) worst = state
  }
  return worst
}

const state = { enum: STATES }
const counts = object<Counts>({ intact: count, evicted: count, corrupt: count })
const copies = object<CopiesJson>({ wanted: count, found: count, repaired: count, silent: count })
const chunk = { hash, offset: count, size: positive }
const file = { hash, size: count, chunkSize: positive }

export const manifestSchema = object<ManifestJson>({
  ...file,
  chunks: listOf(object<ChunkJson>(chunk)),
})
export const healthSchema = object<HealthJson>({
  ...file,
  state,
  counts,
  chunks: listOf(object<ChunkHealthJson>({ ...chunk, state })),
})
export const repairSchema = object<RepairJson>({
  ...{ state, hash, size: count },
  ...{ link: copies, counts, chunks: copies },
})
