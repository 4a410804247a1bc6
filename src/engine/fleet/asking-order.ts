import type { Member } from './member.ts'
import type { Seats } from './seats.ts'
import { sortFew } from './sort-few.ts'

export interface Order {
  line: Member[]
  /** Those of the line, from its start, that should have a copy. */
  holders: number
  /** Those of them that usually take much longer than another one. */
  slow: ReadonlySet<Member>
}

/**
 * Returns the servers to ask for a key, one after the other. First the holders: the slow ones last,
 * except for a look now and then whether they still are; those that are recovering before others,
 * since only asking them shows which copies they lack; then the least busy. Among equals the order
 * is random, so that every copy is read now and then, stays in its server's LRU and is missed when
 * it is gone. Stand-ins come last.
 */
export function askingOrder(seats: Seats): Order {
  const { readers } = seats
  const up: Member[] = []
  const others: Member[] = []
  for (const member of seats.readable()) (readers.includes(member) ? up : others).push(member)
  const holders = up.length
  if (holders < 2) return { line: up.concat(others), holders, slow: NONE }
  shuffle(up)
  const slow = slowOf(up)
  const costOf = (member: Member) =>
    member.inFlight + (member.isRecovering ? 0 : MANY) + (slow.has(member) ? 2 * MANY : 0)
  sortFew(up, costOf)
  return { line: up.concat(others), holders, slow }
}

/**
 * A server is slow that takes so many times what another one takes at most, and what it took itself
 * when it was fast, and so many milliseconds: neither a busy machine nor a server far away is slow.
 */
const SLOW = { times: 4, ms: 20 }
/** The part of the reads that ask a slow server as if it were not. */
const SECOND_CHANCE = 0.02
/** More operations than are ever under way. */
const MANY = 1e9
const NONE: ReadonlySet<Member> = new Set()

function slowOf(members: readonly Member[]): ReadonlySet<Member> {
  let slow: Set<Member> | undefined
  for (const member of members) {
    const { mean, least } = member.latency
    if (mean < SLOW.ms || mean < SLOW.times * least || Math.random() < SECOND_CHANCE) continue
    if (!members.some(({ latency: { usual } }) => usual && mean > SLOW.times * usual)) continue
    slow ??= new Set()
    slow.add(member)
  }
  return slow ?? NONE
}

function shuffle<T>(items: T[]): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const item = items[i]!
    items[i] = items[j]!
    items[j] = item
  }
}
