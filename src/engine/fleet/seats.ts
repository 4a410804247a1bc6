import type { Member } from './member.ts'

/** Servers beside the holders that are asked before a key is taken to be absent. */
const STAND_INS = 2

/** The servers of one key, in order: those that hold it, then those that stand in for them. */
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

  /** Returns the first `count` servers that are up and not in `without`. */
  up(count: number, without?: ReadonlySet<Member>): Member[] {
    const found: Member[] = []
    for (const member of this.ranked) {
      if (found.length === count) break
      if (member.isUp && !without?.has(member)) found.push(member)
    }
    return found
  }

  /** Returns the servers that are up and likely to have a copy: holders and stand-ins. */
  readable(): Member[] {
    return this.up(this.wanted + STAND_INS)
  }
}
