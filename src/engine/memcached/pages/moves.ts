import type { SlabClass } from './slab-classes.ts'

/** The classes at one moment. */
export interface Look {
  /** In seconds on any clock. */
  readonly at: number
  readonly classes: ReadonlyMap<number, SlabClass>
}

export interface PageMove {
  readonly from: SlabClass
  readonly to: SlabClass
  readonly pages: number
}

/** A class gives pages when its items are this many times older than those evicted now. */
const OLDER_FACTOR = 1.25
/** And this much older, since memcached counts ages in whole seconds. */
const OLDER_SECONDS = 1
/** Pages that every class keeps. */
const KEPT_PAGES = 3
/** What a class gives at once: a part of its pages, or a few where those are not most of them. */
const GIVEN_SHARE = 0.04
const GIVEN_MIN = 8
const GIVEN_MAX_SHARE = 0.1
/**
 * Seconds of storing that a class gets room for, so that nothing is evicted until the next look.
 */
const ROOM_SECONDS = 2
/**
 * Seconds for which a class that was given pages gets more as it fills them, before it evicts
 * again.
 */
const FED_SECONDS = 3
/** Seconds for which it gives none away, so that two classes do not swap pages for ever. */
export const RESTED_SECONDS = 10
/** Seconds for which a class with nothing to remove gives only empty pages. */
const BARREN_SECONDS = 60

/** When something happened to a class last, in seconds on the clock of the looks. */
export interface History {
  /** It was given pages. */
  readonly fedAt: ReadonlyMap<number, number>
  /** It had no items that may be removed. */
  readonly barrenAt: ReadonlyMap<number, number>
}

/**
 * Decides which pages to move now. As in memcached's own mover, a class that evicts takes from the
 * class with the least recently used items, but as many pages as it is about to need. No pages move
 * when all classes are about equally old or nothing is evicted.
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

/** As `a - b`, for numbers that may both be infinite. */
const compare = (a: number, b: number) => (a === b ? 0 : a - b)

const isOlder = (age: number, than: number) => age >= than * OLDER_FACTOR + OLDER_SECONDS

function toDonor(from: SlabClass, isBarren: boolean) {
  const { pages, freeChunks, chunksPerPage, age } = from
  const few = Math.min(GIVEN_MIN, Math.ceil(pages * GIVEN_MAX_SHARE))
  const most = Math.max(few, Math.floor(pages * GIVEN_SHARE))
  const empty = Math.floor(freeChunks / chunksPerPage)
  // Empty pages go first.
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
