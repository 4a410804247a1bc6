import type { Member } from './member.ts'

/** Servers beside the holders that are asked before a key is taken to be absent. */
const STAND_INS = 2

/** The servers of one key, in order: those that hold it, then those that stand in for them. */
export class Seats {
  readonly ranked: readonly Member[]
  /** Copies that there should be. */
  readonly wanted: number
  readonly quorum: Quorum

  /** Servers that share in reading, beside the holders. */
  readonly #sharing: number
  /** Servers that should have a copy that was stored without a place of its own. */
  readonly #before: readonly Member[]

  constructor(ranked: readonly Member[], wanted: number, options: SeatsOptions = {}) {
    const { quorum, sharing = 0, before = NONE } = options
    this.ranked = ranked
    this.wanted = Math.min(wanted, ranked.length)
    this.quorum = quorum ?? ANY_COPY
    this.#sharing = sharing
    this.#before = before.slice(0, this.wanted)
  }

  /** The servers that should have a copy, whether they are up or not. */
  get holders(): Member[] {
    return this.ranked.slice(0, this.wanted)
  }

  /** The servers that a copy is read from and written to: more than the holders while it is hot. */
  get readers(): Member[] {
    return this.ranked.slice(0, this.wanted + this.#sharing)
  }

  /** The servers that may have the only copy. */
  get expected(): Member[] {
    return this.#before.length === 0
      ? this.holders
      : [...new Set([...this.holders, ...this.#before])]
  }

  /** The holders and the first stand-ins, up or not: the servers on which copies count. */
  get circle(): Member[] {
    return this.ranked.slice(0, this.quorum.circle)
  }

  /** Whether `member` is in the circle. */
  counts(member: Member): boolean {
    const { circle } = this.quorum
    return circle >= this.ranked.length || this.ranked.indexOf(member) < circle
  }

  /** Returns the first `count` servers that are up and not in `without`. */
  up(count: number, without?: { has(member: Member): boolean }): Member[] {
    const found: Member[] = []
    for (const member of this.ranked) {
      if (found.length === count) break
      if (member.isUp && !without?.has(member)) found.push(member)
    }
    return found
  }

  /**
   * Returns the servers that are up and likely to have a copy: holders, stand-ins, and the holders
   * by the key's own place, where it may have been stored before.
   */
  readable(): Member[] {
    const up = this.up(this.wanted + Math.max(STAND_INS, this.#sharing))
    const more = this.#before.filter((member) => member.isUp && !up.includes(member))
    return more.length === 0 ? up : [...up, ...more]
  }
}

interface SeatsOptions {
  quorum?: Quorum
  /** Servers that share in reading, beside the holders. Default 0. */
  sharing?: number
  /** The servers in the order of the key itself, where it is placed by another one. */
  before?: readonly Member[]
}

/** How many copies are enough: docs/design.md, "What a write promises". */
export interface Quorum {
  /** Servers, from the first one in order, on which copies count. */
  readonly circle: number
  /** Copies that a write needs. */
  readonly write: number
  /** Copies that a read looks for. */
  readonly read: number
}

const NONE: readonly Member[] = []

/** For values that can only be right or wrong: one copy on any server will do. */
const ANY_COPY: Quorum = { circle: Number.POSITIVE_INFINITY, write: 1, read: 1 }

/** Servers of one circle that a write may miss, at most. */
const MAX_MISSED = 2

/**
 * Returns how many copies are enough of a value that others may replace. A read looks for one copy more than
 * the servers of a circle that a write may miss, so that one of them is from the last write. One server
 * alone never fails a write.
 * @param least Copies that a write needs, on any servers, where the operator wants fewer or more.
 */
export function majority(replicas: number, servers: number, least: number | undefined): Quorum {
  const wanted = Math.min(replicas + 1, servers)
  const circle = Math.min(wanted + Math.min(replicas, MAX_MISSED), servers)
  const larger = Math.max(Math.floor(wanted / 2) + 1, circle - MAX_MISSED)
  const write = Math.max(1, Math.min(wanted, circle - 1, larger))
  const read = circle - write + 1
  if (least === undefined) return { circle, write, read }
  return { circle: servers, write: Math.min(least, wanted), read }
}
