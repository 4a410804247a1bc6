import { UnavailableError } from '../../errors.ts'
import { type Wait, Waits } from './waits.ts'

/** Bytes a millisecond that any network brings to a server: 50 MB/s. */
const SLOWEST = 50_000
/** So many times what the others take is unusually long. */
const UNUSUAL = 4
/** Looks at what is under way while the shortest wait lasts. */
const LOOKS = 4

/** What there is to know about a server. */
export interface Watched {
  readonly name: string
  readonly isUp: boolean
  /** Bytes of writes that it has not taken yet. */
  readonly bytesUnderWay: number
}

/**
 * Tells how long to wait for a server, compared with what the others take now or took last: where all
 * are slow, the network or this process is, and no other server would be faster.
 */
export class Patience {
  readonly #leastMs: number
  readonly #members: () => readonly Watched[]
  readonly #waits: Waits
  /** Milliseconds that what a server did last has taken. */
  readonly #took = new WeakMap<Watched, number>()

  /** @param leastMs Milliseconds for which any server is waited for. */
  constructor(leastMs: number, members: () => readonly Watched[]) {
    this.#leastMs = leastMs
    this.#members = members
    this.#waits = new Waits(leastMs / LOOKS)
  }

  /** Calls `onLate` when `member` takes unusually long, unless the wait is ended before. */
  begin(member: Watched, onLate: (error: UnavailableError) => void): Wait {
    return this.#waits.begin(this.#leastMs, member, (waitedMs) => {
      if (waitedMs < this.#patienceFor(member)) return this.#leastMs / LOOKS
      const ms = Math.round(waitedMs)
      onLate(new UnavailableError(`${member.name} has not answered for ${ms} ms`))
      return 0
    })
  }

  end(member: Watched, wait: Wait): void {
    this.#took.set(member, this.#waits.end(wait))
  }

  #patienceFor(member: Watched): number {
    const others = this.#members()
      .filter((other) => other !== member && other.isUp)
      .map((other) => Math.max(this.#waits.oldestOf(other), this.#took.get(other) ?? 0))
      .sort((a, b) => a - b)
    const usual = others[others.length >> 1] ?? Number.POSITIVE_INFINITY
    return Math.max(this.#leastMs, UNUSUAL * usual) + member.bytesUnderWay / SLOWEST
  }
}
