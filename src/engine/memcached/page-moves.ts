import type { SlabClass } from './slab-classes.ts'

/** What there was at one moment, in seconds on any clock. */
export interface Look {
  readonly at: number
  readonly classes: ReadonlyMap<number, SlabClass>
}

export interface PageMove {
  readonly from: SlabClass
  readonly to: SlabClass
  readonly pages: number
}

/** Items are as good as gone when they are this much older than those that are evicted now. */
const OLDER_FACTOR = 1.25
/** Ages are whole seconds. */
const OLDER_SECONDS = 1
/** Pages that no class gives away. */
const KEPT_PAGES = 3
/** What a class gives at once: a part of its pages, or a few where that does not take most of them. */
const GIVEN_SHARE = 0.04
const GIVEN_MIN = 8
const GIVEN_MAX_SHARE = 0.1
/** For how many seconds there shall be room ahead, so that nothing is evicted until the next look. */
const ROOM_SECONDS = 2
/** A class that was given pages is given more as it fills them, before it evicts again. */
const FED_SECONDS = 3
/** It gives none away itself for this long, so that no two classes swap pages for ever. */
export const RESTED_SECONDS = 10
/** One that had nothing to remove is not asked for a page with values on it for this long. */
const BARREN_SECONDS = 60

/** Seconds, on the clock of the looks, when something was found out about a class last. */
export interface History {
  /** It was given pages. */
  readonly fedAt: ReadonlyMap<number, number>
  /** It had no items that may be removed. */
  readonly barrenAt: ReadonlyMap<number, number>
}

/**
 * Which pages should change hands now. As memcached's own mover has it, a class that evicts takes from the
 * class whose items have not been used for longest, but as much as it is about to need. Where all
 * are about equally old, or nothing is evicted, none move.
 */
export function decideMoves(before: Look, now: Look, { fedAt, barrenAt }: History): PageMove[] {
  const since = (when: number | undefined) => now.at - (when ?? Number.NEGATIVE_INFINITY)
  const sinceFed = (id: number) => since(fedAt.get(id))
  const classes = [...now.classes.values()]
  const donors = classes
    .filter(({ id }) => sinceFed(id) > RESTED_SECONDS)
    .map((from) => toDonor(from, since(barrenAt.get(from.id)) <= BARREN_SECONDS))
    .sort((a, b) => compare(b.age, a.age) || b.from.pages - a.from.pages)
  const moves: PageMove[] = []
  for (const to of classes.sort((a, b) => compare(a.age, b.age))) {
    let wanted = wantedBy(to, before, now, sinceFed(to.id) <= FED_SECONDS)
    for (const donor of donors) {
      const pages = Math.min(wanted, donor.spare)
      if (pages < 1 || donor.from === to || !isOlder(donor.age, to.age)) continue
      moves.push({ from: donor.from, to, pages })
      donor.spare -= pages
      wanted -= pages
    }
  }
  return moves
}

/** As for numbers, of which two may be infinite. */
const compare = (a: number, b: number) => (a === b ? 0 : a - b)

const isOlder = (age: number, than: number) => age >= than * OLDER_FACTOR + OLDER_SECONDS

function toDonor(from: SlabClass, isBarren: boolean) {
  const { pages, freeChunks, chunksPerPage, age } = from
  const few = Math.min(GIVEN_MIN, Math.ceil(pages * GIVEN_MAX_SHARE))
  const most = Math.max(few, Math.floor(pages * GIVEN_SHARE))
  const empty = Math.floor(freeChunks / chunksPerPage)
  // Nobody misses pages that hold nothing, so they are the first to go.
  if (empty >= KEPT_PAGES)
    return { from, spare: Math.min(empty - 1, most), age: Number.POSITIVE_INFINITY }
  return { from, spare: isBarren ? 0 : Math.max(0, Math.min(pages - KEPT_PAGES, most)), age }
}

function wantedBy(to: SlabClass, before: Look, now: Look, isFed: boolean): number {
  const was = before.classes.get(to.id)
  const seconds = now.at - before.at
  if (was === undefined || seconds <= 0) return 0
  const evicted = Math.max(0, to.evicted - was.evicted)
  if (evicted === 0 && !isFed) return 0
  const stored = (evicted + Math.max(0, to.usedChunks - was.usedChunks)) / seconds
  return Math.max(0, Math.ceil((stored * ROOM_SECONDS - to.freeChunks) / to.chunksPerPage))
}
