import { count, hash, listOf, object, oneOf, positive, type TypeOf } from './schema.ts'

/** What a chunk or a file can be, the worst last: intact, a chunk is gone, or a byte is wrong. */
export const STATES = ['intact', 'evicted', 'corrupt'] as const
export type State = (typeof STATES)[number]

/** The worst state among `items`. */
export function worstOf(items: Iterable<{ readonly state: State }>): State {
  let worst = 0
  for (const { state } of items) worst = Math.max(worst, STATES.indexOf(state))
  return STATES[worst]!
}

const state = oneOf(STATES)
const counts = object({ intact: count, evicted: count, corrupt: count })
const copies = object({ wanted: count, found: count, repaired: count, silent: count })
/** `offset` and `size` are in bytes. */
const chunk = { hash, offset: count, size: positive }
const file = { hash, size: count, chunkSize: positive }

/** Which chunks a file consists of, in order. */
export const manifestSchema = object({ ...file, chunks: listOf(object(chunk)) })
export type ManifestJson = TypeOf<typeof manifestSchema>

/** What reading and checking every chunk found. */
export const healthSchema = object({
  ...file,
  state,
  counts,
  /** `servers` are positions in the list of `GET /fleet`: those that should hold the chunk, of several. */
  chunks: listOf(object({ ...chunk, state }, { servers: listOf(count) })),
})
export type HealthJson = TypeOf<typeof healthSchema>
export type ChunkHealthJson = HealthJson['chunks'][number]

/** How many copies there were, and what `POST /blobs/{hash}/repair` did about the rest. */
export const repairSchema = object({
  state,
  hash,
  size: count,
  link: copies,
  counts,
  chunks: copies,
})
export type RepairJson = TypeOf<typeof repairSchema>
