import type { Member } from './member.ts'

/** Where one key lives: the servers that hold it, then those that stand in for them, best first. */
export class Seats {
  readonly ranked: readonly Member[]
  /** Copies that there should be. */
  readonly wanted: number

  constructor(ranked: readonly Member[], wanted: number) {
    this.ranked = ranked
    this.wanted = Math.min(wanted, ranked.length)
  }

  /** The servers that should have a copy, whether they are up or not. */
  get holders(): Member[] {
    return this.ranked.slice(0, this.wanted)
  }

  /** The first `count` that are up, but for those in `without`. */
  up(count: number, without?: ReadonlySet<Member>): Member[] {
    const found: Member[] = []
    for (const member of this.ranked) {
      if (found.length === count) break
      if (member.isUp && !without?.has(member)) found.push(member)
    }
    return found
  }

  /** Every server that is up and may have a copy: the holders, and the first to stand in for them. */
  readable(): Member[] {
    return this.up(this.wanted + 1)
  }
}
