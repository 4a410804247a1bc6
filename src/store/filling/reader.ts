import type { Budgets } from '../memory/budgets.ts'
import type { Lease } from '../memory/byte-budget.ts'
import type { Finder } from '../reading/finder.ts'
import type { Split } from './split.ts'
import type { StoredChunks } from './stored-chunks.ts'

/** What a reader gets its bytes from. */
export interface Incoming {
  readonly split: Split
  /** The chunks that are stored by now, where the file is being stored. */
  readonly chunks?: StoredChunks | undefined
  /** Room for what is held for it. */
  readonly memory?: Lease | undefined
}

/**
 * Yields the bytes of a file that is being produced as they come. A reader that is too slow to get them so
 * reads them back, each chunk once it is stored.
 */
export async function* read(
  { split, chunks, memory }: Incoming,
  { finder, budgets, chunkSize }: { finder: Finder; budgets: Budgets; chunkSize: number },
): AsyncGenerator<Buffer, void, undefined> {
  for (let piece = await split.next(); piece !== undefined; piece = await split.next()) yield piece
  if (!split.isBehind || chunks === undefined) return
  memory?.release()
  const room = await budgets.window(chunkSize, chunkSize)
  try {
    const { taken } = split
    for (let index = Math.floor(taken / chunkSize); ; index++) {
      const chunk = await chunks.at(index)
      if (chunk === undefined) return
      const { bytes } = await finder.read(chunk)
      yield bytes.subarray(Math.max(0, taken - chunk.offset))
    }
  } finally {
    room.release()
  }
}
