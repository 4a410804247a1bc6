import { UnavailableError } from '../../errors.ts'
import { DamagedError, type Versions } from '../engine.ts'
import type { Member } from './member.ts'
import type { Seats } from './seats.ts'
import { type Copy, compareCopies } from './versioned.ts'

/** What a server answered when it was asked for a key: a `Copy` when it had a good one. */
export type Answer<T> = Copy<T> | 'absent' | 'damaged'

/** A copy to write: `add` where there is none, `set` over a wrong or outdated one. */
export interface Lack {
  member: Member
  how: 'add' | 'set'
}

/** The answers to one read of a key so far, and what follows from them. */
export class Answers<T> {
  readonly #seats: Seats
  readonly #versions: Versions<T> | undefined
  readonly #given = new Map<Member, Answer<T>>()
  #best: Copy<T> | undefined
  #copies = 0
  #bestCopies = 0
  /** Whether all answers are copies like `best`. */
  #isUniform = true
  #lastFailure: unknown

  constructor(seats: Seats, versions: Versions<T> | undefined) {
    this.#seats = seats
    this.#versions = versions
  }

  /** Servers that answered. */
  get count(): number {
    return this.#given.size
  }

  /** The right copy: the newest, where there are versions. */
  get best(): Copy<T> | undefined {
    return this.#best
  }

  /** Good copies, where copies count. */
  get copies(): number {
    return this.#copies
  }

  /** Copies like `best`, where copies count. */
  get bestCopies(): number {
    return this.#bestCopies
  }

  add(member: Member, answer: Answer<T>): void {
    this.#given.set(member, answer)
    if (typeof answer === 'string') {
      this.#isUniform = false
      return
    }
    const order = this.#best === undefined ? 0 : this.#compare(answer, this.#best)
    if (order !== 0) this.#isUniform = false
    if (this.#best === undefined || order > 0) {
      this.#best = answer
      this.#bestCopies = 0
    }
    if (!this.#seats.counts(member)) return
    this.#copies++
    if (order >= 0) this.#bestCopies++
  }

  addFailure(error: unknown): void {
    this.#lastFailure = error
  }

  /** Servers that answered, of those where copies count. */
  get counted(): number {
    return this.#seats.circle.length - this.silentOf(this.#seats.circle)
  }

  /** Returns what to write so that all readers that answered have a copy like `best`. */
  lacks(best: Copy<T>): Lack[] {
    const lacks: Lack[] = []
    if (this.#isUniform) return lacks
    for (const member of this.#seats.readers) {
      const answer = this.#given.get(member)
      if (answer === undefined) continue
      if (answer === 'absent') lacks.push({ member, how: 'add' })
      else if (answer === 'damaged' || this.#compare(best, answer) > 0) {
        lacks.push({ member, how: 'set' })
      }
    }
    return lacks
  }

  /** Whether a server on which a copy would count did not answer. */
  get isUnsure(): boolean {
    return this.silentOf(this.#seats.circle) > 0
  }

  /** Servers that may have the only copy and did not answer. */
  get silent(): number {
    return this.silentOf(this.#seats.expected)
  }

  silentOf(members: readonly Member[]): number {
    return members.filter((member) => !this.#given.has(member)).length
  }

  /**
   * Concludes what it means that no copy is right.
   * @param canTell Whether the servers that did not answer are too few to be the only ones with a
   * copy.
   * @throws {UnavailableError | DamagedError}
   */
  conclude(key: string, canTell: boolean): undefined {
    if (!canTell || this.count === 0) throw unavailable(this.#seats, this.#lastFailure)
    for (const answer of this.#given.values()) {
      if (answer === 'damaged') throw new DamagedError(key)
    }
    return undefined
  }

  #compare(a: Copy<T>, b: Copy<T>): number {
    return this.#versions === undefined ? 0 : compareCopies(this.#versions, a, b)
  }
}

/** Returns the error for a key whose servers do not answer. */
export function unavailable({ holders }: Seats, failure?: unknown): UnavailableError {
  const outage = holders.find((member) => !member.isUp)?.outage
  const cause = failure ?? outage
  const why = cause instanceof Error ? cause.message : 'no server is left'
  return new UnavailableError(why, { cause })
}
