import type { Member } from './member.ts'
import type { Seats } from './seats.ts'

/**
 * Whom to ask for a key, one after the other. Holders first: those that came back lately, since
 * only asking them shows what they lack; then the least busy; and else by chance, which keeps all
 * copies from ageing in their server's LRU and finds those that are missing. Then stand-ins.
 */
export function askingOrder(seats: Seats): { line: Member[]; holders: number } {
  const readable = seats.readable()
  const holders = new Set(seats.readers)
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
