import { ConnectionError } from './connection-error.ts'
import { oldestItems } from './oldest-items.ts'
import { PageDonor } from './page-donor.ts'
import type { PageMove } from './page-moves.ts'
import { Refusal, unexpectedAnswer } from './refusal.ts'
import type { SlabClass } from './slab-classes.ts'
import { expectVersion, openText, type TextAccess } from './text-access.ts'
import type { TextConnection } from './text-connection.ts'

/** Milliseconds for all moves of one look: no page is begun later. */
const SPAN = 1000
/** Items that are removed for one look, unless the first page of each class takes more. */
const MAX_REMOVED = 4096

/** This time there is no page to move, no class to move it to, or no end of another move. */
const NOT_NOW = /^(BUSY|NOSPARE|NOTFULL|UNSAFE|SAME|BADCLASS)\b/

export interface TransferEvents {
  /** The class was given a page. */
  fed(id: number): void
  /** The class has nothing that we may remove, and no page without a value. */
  barren(id: number): void
}

/**
 * Has memcached move pages, as many as there is room for what lies on them. What there is no time for
 * within a second is left for another look.
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
 * Asks for what moves nothing, so that nothing makes room in vain on a server that refuses. Servers that
 * speak nothing but the binary protocol hang up without a word, once they have as much as the 24
 * bytes of a header: both lines together are more.
 */
async function probe(connection: TextConnection, id: number): Promise<void> {
  connection.write('version', `slabs reassign ${id} ${id}`)
  await expectVersion(connection).catch((error: unknown) => {
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

/** Whether a page goes from one class to another. */
async function reassign(connection: TextConnection, from: number, to: number): Promise<boolean> {
  const command = `slabs reassign ${from} ${to}`
  connection.write(command)
  const answer = await connection.answerTo(command)
  if (answer !== 'OK' && !NOT_NOW.test(answer)) throw unexpectedAnswer(answer)
  return answer === 'OK'
}
