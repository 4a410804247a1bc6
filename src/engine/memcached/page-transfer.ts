import type { ConnectionConfig } from './connection.ts'
import { type ItemVersion, oldestItems } from './oldest-items.ts'
import type { PageMove } from './page-moves.ts'
import { TextConnection } from './text-connection.ts'

/** Milliseconds for all moves of one look: no page is begun later, and no connection is kept longer. */
const SPAN = 1000
const LIMIT = 3000
/** Items that are removed for one look, unless the first page of each move takes more. */
const MAX_REMOVED = 4096

/** This time there is no page to move, no class to move it to, or no end of another move. */
const NOT_NOW = /^(BUSY|NOSPARE|NOTFULL|UNSAFE|SAME|BADCLASS)\b/

export interface Transfer {
  /** Pages by the class that they went to. */
  readonly moved: ReadonlyMap<number, number>
  /** What memcached said, if it moves no pages at all. */
  readonly refusal?: string
}

/**
 * Has memcached move pages. It evicts what lies on a page unless there is room on the others, so
 * the oldest items of the class make room first: they go, and what was stored just now, an upload
 * under way perhaps, stays. What there is no time for within a second is left for another look.
 * @throws {ConnectionError}
 */
export async function transferPages(
  config: ConnectionConfig,
  moves: readonly PageMove[],
  signal: AbortSignal,
): Promise<Transfer> {
  const limit = config.settings.connectTimeoutMs + LIMIT
  const connection = new TextConnection(config, limit, signal)
  const end = performance.now() + SPAN
  const moved = new Map<number, number>()
  const room = new Map(moves.map(({ from }) => [from.id, from.freeChunks]))
  let removable = MAX_REMOVED
  try {
    const willingness = await probe(connection, moves[0]!.from.id)
    if (!NOT_NOW.test(willingness)) return { moved, refusal: willingness }
    for (const move of moves) {
      const { from, to } = move
      const pages = Math.min(move.pages, Math.max(1, Math.floor(removable / from.chunksPerPage)))
      const count = pages * from.chunksPerPage - room.get(from.id)!
      const oldest = await oldestItems(config, from.id, count, limit, signal)
      removable -= oldest.length
      const { done, refusal } = await movePages(connection, { from, to, pages }, oldest, room, end)
      moved.set(to.id, (moved.get(to.id) ?? 0) + done)
      if (refusal !== undefined) return { moved, refusal }
    }
    return { moved }
  } finally {
    connection.close()
  }
}

/** Asks for what moves nothing, so that nothing makes room in vain on a server that refuses. */
function probe(connection: TextConnection, id: number): Promise<string> {
  connection.write(`slabs reassign ${id} ${id}`)
  return connection.line()
}

/** @param room Free chunks of each class. */
async function movePages(
  connection: TextConnection,
  { from, to, pages }: PageMove,
  oldest: ItemVersion[],
  room: Map<number, number>,
  end: number,
): Promise<{ done: number; refusal?: string }> {
  const command = `slabs reassign ${from.id} ${to.id}`
  let done = 0
  for (; done < pages && performance.now() < end; done++) {
    const lacking = from.chunksPerPage - room.get(from.id)!
    const removed = oldest.splice(0, Math.max(0, lacking))
    // One write, so that nobody else takes the room first.
    connection.write(...removed.map(({ key, cas }) => `md ${key} C${cas}`), command)
    for (const _ of removed) await connection.line()
    room.set(from.id, Math.max(0, removed.length - lacking))
    const answer = await connection.answerTo(command)
    if (NOT_NOW.test(answer)) return { done }
    if (answer !== 'OK') return { done, refusal: answer }
  }
  return { done }
}
