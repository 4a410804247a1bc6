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
 * Whom to ask for a key, one after the other. Holders first: the slow ones last, but for a look now and
 * then whether they still are; those that came back a short while ago before others, since only asking them shows
 * what they lack; then the least busy; and else by chance, which keeps all copies from ageing in their
 * server's LRU and finds those that are missing. Then stand-ins.
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
