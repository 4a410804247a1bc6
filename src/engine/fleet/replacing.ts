import { UnavailableError } from '../../errors.ts'
import type { Predecessors, Successor } from '../engine.ts'
import { unavailable } from './answers.ts'
import { ProofFailure } from './ask.ts'
import { bring, type Look, lookAt } from './bring.ts'
import type { Member } from './member.ts'
import type { Seats } from './seats.ts'
import type { Copy } from './versioned.ts'
import { isNewer, type Versioned } from './versioned.ts'
import { MAX_ROUNDS, rememberMissed, worst } from './writing.ts'

/** How often a conditional write looks again because others write to the same key. */
const MAX_LOOKS = 8

/**
 * Replaces all copies of a value by a newer one: looks what there is, so that the successor can be newer,
 * and then puts it in the place of just that. So a write that reaches a server late undoes nothing.
 */
export class Replacing<T> {
  readonly #seats: Seats
  readonly #key: string
  readonly #versioned: Versioned<T>
  readonly #everywhere: boolean
  readonly #isNew: boolean
  readonly #isConditional: boolean
  readonly #known: number
  readonly #looks = new Map<Member, Look<T>>()
  readonly #tried = new Set<Member>()
  readonly #stored = new Set<Member>()
  readonly #failures: unknown[] = []
  /** What `addAll` has stored on some of the holders. */
  #added: Buffer | undefined

  constructor(
    seats: Seats,
    key: string,
    versioned: Versioned<T>,
    how: Readonly<{
      everywhere: boolean
      /** Whether there probably is no copy. */
      isNew: boolean
      isConditional: boolean
      /** The version below which a copy is outdated. */
      known: number | undefined
    }>,
  ) {
    this.#seats = seats
    this.#key = key
    this.#versioned = versioned
    this.#everywhere = how.everywhere
    this.#isNew = how.isNew
    this.#isConditional = how.isConditional
    this.#known = how.known ?? 0
  }

  /**
   * Resolves with the number of copies that are as new as what `next` made, and with its version;
   * with `undefined` when `next` made nothing.
   * @throws {UnavailableError} for fewer than a write needs.
   */
  async run(next: Next<T>): Promise<Replaced | undefined> {
    const added = this.#isNew ? await this.#addAll(next) : undefined
    if (added !== undefined) return this.#replaced(added)
    const decided = await this.#decide(next)
    if (decided === undefined) return undefined
    const { predecessors, isUnsure } = decided
    let { successor } = decided
    await this.#store(successor)
    const { isLeft } = this.#predecessors()
    if (this.#everywhere && isLeft !== predecessors.isLeft) {
      // What a server had that failed just now is left there, which the successor wants to know.
      const again = next({ ...predecessors, isLeft, isStored: true })
      if (again !== undefined && (await this.#storeAgain(successor, again))) successor = again
    }
    if (this.#count(this.#stored) < this.#seats.quorum.write) throw this.#failure()
    // Everything is replaced by now; only whether there was something cannot be told.
    const isNone = predecessors.newest === undefined && !predecessors.isDamaged
    if (this.#everywhere && isNone && isUnsure) throw this.#failure()
    return this.#replaced(successor)
  }

  /**
   * Stores the value on all holders if none of them has one, which saves the look. Resolves with `undefined`
   * if one has, or does not answer; what was stored by then is replaced like any other copy.
   */
  async #addAll(next: Next<T>): Promise<Successor<T> | undefined> {
    const { holders } = this.#seats
    if (!holders.every((member) => member.isUp)) return undefined
    const successor = next(this.#predecessors())
    if (successor === undefined) return undefined
    const { value, ttl } = successor
    const adds = holders.map(async (member) => {
      const copies = await member
        .useInTime((engine) => engine.add(this.#key, value, { ttl }))
        .catch(() => 0)
      if (copies > 0) this.#stored.add(member)
    })
    await Promise.all(adds)
    if (this.#stored.size === holders.length) return successor
    this.#stored.clear()
    this.#added = value
    return undefined
  }

  /**
   * Looks what there is and asks `next` what to store in its place. A conditional write is made on the first server then,
   * which tells which of several such writes is the one.
   */
  async #decide(next: Next<T>) {
    for (let looks = 1; looks <= MAX_LOOKS; looks++) {
      await this.#lookAround()
      if (this.#count(this.#looks) < this.#seats.quorum.write) throw this.#failure()
      const predecessors = this.#predecessors()
      const isUnsure = this.#count(this.#looks) < this.#seats.quorum.read
      const successor = next(predecessors)
      if (successor === undefined) return undefined
      if (!this.#isConditional || (await this.#storeOnFirst(successor))) {
        return { predecessors, isUnsure, successor }
      }
      // A server that was silent now is not asked again.
      for (const member of this.#looks.keys()) this.#tried.delete(member)
      this.#looks.clear()
    }
    throw new UnavailableError(`what is under ${this.#key} keeps changing`)
  }

  /**
   * Resolves with whether what the first server had is still there, and replaced now. A server that is only slow is
   * waited for: others may wait for it too.
   */
  async #storeOnFirst({ value, ttl }: Successor<T>): Promise<boolean> {
    const [first] = this.#targets()
    const { slot } = this.#looks.get(first!)!
    try {
      const isStored = await first!.use(() => slot.put(value, ttl))
      if (isStored) this.#stored.add(first!)
      return isStored
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error
      this.#failures.push(error)
      this.#looks.delete(first!)
      return false
    }
  }

  /**
   * Puts `again` in the place of the first successor, a conditional write in the place of nothing else; resolves with
   * whether it is everywhere where that was.
   */
  async #storeAgain(first: Successor<T>, again: Successor<T>): Promise<boolean> {
    this.#looks.clear()
    await this.#lookAt([...this.#stored])
    if (!this.#isConditional) {
      this.#stored.clear()
      await this.#store(again)
      return true
    }
    const puts = Array.from(this.#looks, async ([member, { slot, answer }]) => {
      if (typeof answer === 'string' || !answer.value.equals(first.value)) return false
      return member.useInTime(() => slot.put(again.value, again.ttl)).catch(() => false)
    })
    return (await Promise.all(puts)).every(Boolean)
  }

  #replaced({ ttl, proven }: Successor<T>): Replaced {
    const versioned = this.#versioned
    rememberMissed(this.#seats, this.#stored, this.#key, { ttl, versioned })
    return { copies: this.#stored.size, version: versioned.versions.of(proven) }
  }

  async #lookAround(): Promise<void> {
    const { ranked, circle, wanted } = this.#seats
    // What a refused write has left on a stand-in must not turn out to be newer than a conditional one.
    const least = this.#isConditional ? circle.length : wanted
    const enough = this.#everywhere ? ranked.length : least
    for (let round = 0; round < MAX_ROUNDS && this.#looks.size < enough; round++) {
      await this.#lookAt(this.#seats.up(enough - this.#looks.size, this.#tried))
    }
  }

  async #lookAt(members: readonly Member[]): Promise<void> {
    const [first] = this.#seats.up(1)
    const looked = members.map(async (member) => {
      this.#tried.add(member)
      await this.#unlessSilent(member, async () => {
        const isPatient = this.#isConditional && member === first
        this.#looks.set(member, await lookAt(member, this.#key, this.#versioned, isPatient))
      })
    })
    await Promise.all(looked)
  }

  /** On the first servers that are up, and wherever else a copy was found. */
  async #store(successor: Successor<T>): Promise<void> {
    const done = new Set(this.#stored)
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const targets = this.#targets().filter((member) => !done.has(member))
      if (targets.length === 0) return
      const stores = targets.map((member) => {
        done.add(member)
        return this.#unlessSilent(member, async () => {
          await bring(member, this.#key, successor, this.#versioned, this.#looks.get(member))
          this.#stored.add(member)
        })
      })
      await Promise.all(stores)
      const missing = this.#seats.wanted - this.#stored.size
      if (missing > 0) await this.#lookAt(this.#seats.up(missing, this.#tried))
    }
  }

  #targets(): Member[] {
    const looked = this.#seats.ranked.filter((member) => this.#looks.has(member))
    return looked.filter(
      (member, i) => i < this.#seats.wanted || this.#looks.get(member)!.answer !== 'absent',
    )
  }

  async #unlessSilent(member: Member, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (error instanceof ProofFailure) throw error.cause
      this.#failures.push(error)
      if (error instanceof UnavailableError) this.#looks.delete(member)
    }
  }

  #predecessors(): Predecessors<T> {
    const { versions } = this.#versioned
    let newest: Copy<T> | undefined
    let isDamaged = false
    let version = this.#known
    const looked = this.#seats.ranked.filter((member) => this.#looks.has(member))
    for (const [i, member] of looked.entries()) {
      const { answer } = this.#looks.get(member)!
      if (answer === 'absent') continue
      if (typeof answer !== 'string' && this.#added?.equals(answer.value)) continue
      if (typeof answer !== 'string') version = Math.max(version, versions.of(answer.proven))
      // What is beyond the holders is what readers do not find: a condition is not about that.
      if (this.#isConditional && i >= this.#seats.wanted) continue
      if (answer === 'damaged') isDamaged = true
      else if (!newest || isNewer(versions, answer, newest)) newest = answer
    }
    const isOutdated = newest !== undefined && versions.of(newest.proven) < this.#known
    return {
      newest: isOutdated ? undefined : newest?.proven,
      version,
      isDamaged,
      isLeft: this.#isLeft,
      isStored: false,
    }
  }

  get #isLeft(): boolean {
    return this.#seats.ranked.some(
      (member) => !member.isUp || (this.#tried.has(member) && !this.#looks.has(member)),
    )
  }

  #count(members: { has(member: Member): boolean }): number {
    return this.#seats.circle.filter((member) => members.has(member)).length
  }

  #failure(): unknown {
    return worst(this.#failures) ?? unavailable(this.#seats)
  }
}

type Next<T> = (predecessors: Predecessors<T>) => Successor<T> | undefined

export interface Replaced {
  copies: number
  version: number
}
