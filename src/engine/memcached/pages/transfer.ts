import { ConnectionError } from '../connection-error.ts'
import { PageDonor } from './donor.ts'
import type { PageMove } from './moves.ts'
import { oldestItems } from './oldest-items.ts'
import { Refusal, unexpectedAnswer } from './refusal.ts'
import type { SlabClass } from './slab-classes.ts'
import { openText, type TextAccess, type TextConnection } from './text-connection.ts'

/** Milliseconds in which the moves of one look may begin. */
const SPAN = 1000
/** Items removed for one look at most, unless the first page of each class takes more. */
const MAX_REMOVED = 4096

/** There is no page to move now, no class to move it to, or another move is under way. */
const NOT_NOW = /^(BUSY|NOSPARE|NOTFULL|UNSAFE|SAME|BADCLASS)\b/

export interface TransferEvents {
  /** The class was given a page. */
  fed(id: number): void
  /** The class has no items that may be removed, and no empty page. */
  barren(id: number): void
}

/**
 * Has memcached move pages, as many as there is room for what lies on them. Moves that cannot begin
 * within a second are left for the next look.
 * @throws {ConnectionError | Refusal}
 */
export async function transferPages(
  access: TextAccess,
  moves: readonly PageMove[],
  events: TransferEvents,
): Promise<void> {
  const connection = openText(access)
  const end = performance.now() + SPAN
  const donors = new Map<number, PageDonor>()
  let removable = MAX_REMOVED
  try {
    await probe(connection, moves[0]!.from.id)
    for (const { from, to, pages } of moves) {
      if (performance.now() >= end) break
      let donor = donors.get(from.id)
      if (donor === undefined) {
        const count = chunksToFree(from, moves, removable)
        removable -= count
        donor = await openDonor(access, from, count, events)
        donors.set(from.id, donor)
      }
      for (let done = 0; done < pages && performance.now() < end; done++) {
        if (!(await donor.makeRoom(connection))) break
        if (!(await reassign(connection, from.id, to.id))) break
        donor.gave()
        events.fed(to.id)
      }
    }
  } finally {
    connection.close()
  }
}

/**
 * Asks for a move that moves nothing, so that no items are removed on a server that refuses moves.
 * Servers that speak only the binary protocol hang up once they have the 24 bytes of a header,
 * which both lines together exceed.
 */
async function probe(connection: TextConnection, id: number): Promise<void> {
  connection.write('version', `slabs reassign ${id} ${id}`)
  await connection.expectVersion().catch((error: unknown) => {
    if (!(error instanceof ConnectionError && error.code === 'closed')) throw error
    throw new Refusal('memcached closed the connection without an answer', error)
  })
  const answer = await connection.line()
  if (!NOT_NOW.test(answer)) throw unexpectedAnswer(answer)
}

function chunksToFree(from: SlabClass, moves: readonly PageMove[], removable: number): number {
  const its = moves.filter((move) => move.from.id === from.id)
  const wanted = its.reduce((sum, { pages }) => sum + pages, 0)
  const pages = Math.min(wanted, Math.max(1, Math.floor(removable / from.chunksPerPage)))
  return Math.max(0, pages * from.chunksPerPage - from.freeChunks)
}

async function openDonor(
  access: TextAccess,
  from: SlabClass,
  count: number,
  events: TransferEvents,
): Promise<PageDonor> {
  const oldest = count === 0 ? [] : await oldestItems(access, from.id, count)
  const donor = new PageDonor(from, oldest ?? [])
  if (oldest !== undefined && !donor.canGive) events.barren(from.id)
  return donor
}

/** Resolves with whether a page goes from one class to another. */
async function reassign(connection: TextConnection, from: number, to: number): Promise<boolean> {
  const command = `slabs reassign ${from} ${to}`
  connection.write(command)
  const answer = await connection.answerTo(command)
  if (answer !== 'OK' && !NOT_NOW.test(answer)) throw unexpectedAnswer(answer)
  return answer === 'OK'
}
