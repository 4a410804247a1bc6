import type { Member } from './member.ts'
import type { Seats } from './seats.ts'

/**
 * Returns the servers to ask for a key, one after the other. First the holders: those that are
 * recovering, since only asking them shows which copies they lack; then the least busy. Among
 * equals the order is random, so that every copy is read now and then, stays in its server's LRU
 * and is missed when it is gone. Stand-ins come last.
 */
export function askingOrder(seats: Seats): { line: Member[]; holders: number } {
  const readable = seats.readable()
  const holders = new Set(seats.holders)
  const up = shuffle(readable.filter((member) => holders.has(member)))
  up.sort((a, b) => Number(b.isRecovering) - Number(a.isRecovering) || a.inFlight - b.inFlight)
  return {
    line: [...up, ...readable.filter((member) => !holders.has(member))],
    holders: up.length,
  }
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
