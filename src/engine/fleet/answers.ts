import { UnavailableError } from '../../errors.ts'
import { DamagedError, type Versions } from '../engine.ts'
import type { Member } from './member.ts'
import type { Seats } from './seats.ts'
import { isNewer } from './versioned.ts'

/** A copy that proved itself: the bytes, and what they stand for. */
export interface Copy<T> {
  value: Buffer
  proven: T
}

/** What a server said when it was asked for a key; a `Copy` when it had a good one. */
export type Answer<T> = Copy<T> | 'absent' | 'damaged'

/** How a copy is to be written: in the place of none, or of a wrong one. */
export interface Lack {
  member: Member
  how: 'add' | 'set'
}

/** What is known of one key so far, and what follows from it. */
export class Answers<T> {
  readonly #seats: Seats
  readonly #versions: Versions<T> | undefined
  readonly #given = new Map<Member, Answer<T>>()
  #lastFailure: unknown

  constructor(seats: Seats, versions: Versions<T> | undefined) {
    this.#seats = seats
    this.#versions = versions
  }

  /** Servers that said something. */
  get count(): number {
    return this.#given.size
  }

  /** Good copies among them, where copies count. */
  get copies(): number {
    let copies = 0
    for (const [member, answer] of this.#given) {
      if (typeof answer !== 'string' && this.#seats.counts(member)) copies++
    }
    return copies
  }

  add(member: Member, answer: Answer<T>): void {
    this.#given.set(member, answer)
  }

  addFailure(error: unknown): void {
    this.#lastFailure = error
  }

  /** The copy that counts: the newest, where there are versions. */
  get best(): Copy<T> | undefined {
    let best: Copy<T> | undefined
    for (const answer of this.#given.values()) {
      if (typeof answer === 'string') continue
      if (best === undefined || this.#isNewer(answer, best)) best = answer
    }
    return best
  }

  /** Servers that said something, where copies count. */
  get counted(): number {
    return this.#seats.circle.length - this.silentOf(this.#seats.circle)
  }

  /** Copies like `best`, where copies count. */
  copiesOf(best: Copy<T>): number {
    let copies = 0
    for (const [member, answer] of this.#given) {
      if (typeof answer === 'string' || !this.#seats.counts(member)) continue
      if (!this.#isNewer(best, answer)) copies++
    }
    return copies
  }

  /** The servers that it is read from, of those that answered, whose copy is not like `best`. */
  lacks(best: Copy<T>): Lack[] {
    const lacks: Lack[] = []
    for (const member of this.#seats.readers) {
      const answer = this.#given.get(member)
      if (answer === undefined) continue
      if (answer === 'absent') lacks.push({ member, how: 'add' })
      else if (answer === 'damaged' || this.#isNewer(best, answer)) {
        lacks.push({ member, how: 'set' })
      }
    }
    return lacks
  }

  /** Whether a server on which a copy would count said nothing. */
  get isUnsure(): boolean {
    return this.silentOf(this.#seats.circle) > 0
  }

  /** How many servers said nothing that may have the only copy. */
  get silent(): number {
    return this.silentOf(this.#seats.expected)
  }

  silentOf(members: readonly Member[]): number {
    return members.filter((member) => !this.#given.has(member)).length
  }

  /**
   * Says what it means that no copy counts.
   * @param canTell Whether the servers that are silent are too few to be the only ones with a copy.
   * @throws {UnavailableError | DamagedError}
   */
  conclude(key: string, canTell: boolean): undefined {
    if (!canTell || this.count === 0) throw silence(this.#seats, this.#lastFailure)
    for (const answer of this.#given.values()) {
      if (answer === 'damaged') throw new DamagedError(key)
    }
    return undefined
  }

  #isNewer(a: Copy<T>, b: Copy<T>): boolean {
    return this.#versions !== undefined && isNewer(this.#versions, a, b)
  }
}

/** What to tell somebody whose key lives, or may live, on servers that do not answer. */
export function silence({ holders }: Seats, failure?: unknown): UnavailableError {
  const outage = holders.find((member) => !member.isUp)?.outage
  const cause = failure ?? outage
  const why = cause instanceof Error ? cause.message : 'no server is left'
  return new UnavailableError(why, { cause })
}
