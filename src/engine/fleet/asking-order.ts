import type { Member } from './member.ts'
import type { Seats } from './seats.ts'

export interface Order {
  line: Member[]
  /** Those of the line, from its start, that should have a copy. */
  holders: number
  /** Those of them that usually take much longer than another one. */
  slow: Set<Member>
}

/**
 * Returns the servers to ask for a key, one after the other. First the holders: the slow ones last,
 * except for a look now and then whether they still are; those that are recovering before others,
 * since only asking them shows which copies they lack; then the least busy. Among equals the order
 * is random, so that every copy is read now and then, stays in its server's LRU and is missed when
 * it is gone. Stand-ins come last.
 */
export function askingOrder(seats: Seats): Order {
  const readable = seats.readable()
  const holders = new Set(seats.readers)
  const up = shuffle(readable.filter((member) => holders.has(member)))
  const slow = new Set(up.filter((member) => isSlow(member, up)))
  up.sort(
    (a, b) =>
      Number(slow.has(a)) - Number(slow.has(b)) ||
      Number(b.isRecovering) - Number(a.isRecovering) ||
      a.inFlight - b.inFlight,
  )
  return {
    line: [...up, ...readable.filter((member) => !holders.has(member))],
    holders: up.length,
    slow,
  }
}

/** A server is slow that usually takes so many times what the fastest one takes, and so many milliseconds. */
const SLOW = { times: 4, ms: 20 }
/** The part of the reads that ask a slow server as if it were not. */
const SECOND_CHANCE = 0.02

function isSlow({ latency: { usual = 0 } }: Member, others: readonly Member[]): boolean {
  if (usual < SLOW.ms || Math.random() < SECOND_CHANCE) return false
  return others.some(({ latency }) => usual > SLOW.times * (latency.usual ?? Infinity))
}

function shuffle<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const item = items[i]!
    items[i] = items[j]!
    items[j] = item
  }
  return items
}
