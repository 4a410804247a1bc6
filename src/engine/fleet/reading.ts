import { UnavailableError } from '../../errors.ts'
import type { GetOptions, Proof } from '../engine.ts'
import { Answers, type Lack } from './answers.ts'
import { ask, ProofFailure } from './ask.ts'
import { askingOrder } from './asking-order.ts'
import type { HedgeBudget } from './hedge-budget.ts'
import type { Member } from './member.ts'
import type { Seats } from './seats.ts'
import type { Copy } from './versioned.ts'
import type { Wait, Waits } from './waits.ts'

/** Milliseconds after which a second server is asked as well. */
const HEDGE = { min: 20, max: 150 }

export interface ReadingHooks<T> {
  readonly hedges: HedgeBudget
  readonly waits: Waits
  /** Holders that may not answer while the others are believed that there is no such key. */
  readonly tolerated: number
  /** Whether it is known that a newer copy is stored than the best one, which `copies` servers have. */
  isOutdated(best: Copy<T>, copies: number): boolean
  /** Called with the right copy, and those that are missing, outdated or wrong by comparison. */
  found(best: Copy<T>, lacks: Lack[]): void
}

/**
 * Reads one key. A value without versions needs one good copy; a value with versions needs several, of
 * which the newest is right, since one alone may be outdated. That many servers are asked at first,
 * and another one whenever one has no good copy, does not answer or takes unusually long.
 */
export class Reading<T> {
  readonly #key: string
  readonly #prove: Proof<T>
  readonly #options: GetOptions<T>
  readonly #hooks: ReadingHooks<T>
  readonly #answers: Answers<T>
  readonly #line: Member[]
  readonly #quorum: number
  /** Holders that were not asked yet. */
  #holdersLeft: number
  readonly #underWay: Member[] = []
  /** Servers that did not answer; they are asked once more when no other is left. */
  #failed: Member[] = []
  #isLastTry = false
  #hedge: Wait | undefined
  /** Servers so late that the read ends without their answers, if the others can tell. */
  #late: ReadonlySet<Member>
  #promise!: { resolve: (proven: T | undefined) => void; reject: (error: unknown) => void }
  #isDone = false

  constructor(
    seats: Seats,
    key: string,
    prove: Proof<T>,
    options: GetOptions<T>,
    hooks: ReadingHooks<T>,
  ) {
    const { line, holders, slow } = askingOrder(seats)
    this.#key = key
    this.#prove = prove
    this.#options = options
    this.#hooks = hooks
    this.#answers = new Answers(seats, options.versions)
    this.#line = line
    this.#holdersLeft = holders
    this.#late = slow
    this.#quorum = seats.quorum.read
  }

  run(): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#promise = { resolve, reject }
      this.#hooks.hedges.earn()
      const first = this.#line[0]
      // Where a holder is away or slow the stand-ins have to be asked anyway.
      const isShort = this.#quorum > 1 && this.#holdersLeft - this.#late.size < this.#quorum
      this.#askNext(isShort ? Infinity : this.#quorum)
      if (first !== undefined) this.#hedgeAfter(first)
    })
  }

  /** Asks `count` more servers; decides when no server is left to ask or to wait for. */
  #askNext(count: number): void {
    for (const member of this.#line.splice(0, count)) {
      this.#holdersLeft--
      this.#underWay.push(member)
      void this.#ask(member)
    }
    if (this.#underWay.length === 0) this.#decide()
  }

  async #ask(member: Member): Promise<void> {
    const answer = await ask(member, this.#key, this.#prove, this.#options).catch((error) => ({
      error,
    }))
    this.#underWay.splice(this.#underWay.indexOf(member), 1)
    if (this.#isDone) return
    if (typeof answer === 'string' || !('error' in answer)) {
      this.#answers.add(member, answer)
      this.#goOn()
    } else if (answer.error instanceof UnavailableError) {
      this.#answers.addFailure(answer.error)
      this.#failed.push(member)
      this.#askNext(1)
    } else {
      this.#reject(answer.error)
    }
  }

  #goOn(): void {
    // Absence does not count: a server that lost its copy does not show that the other is outdated.
    const { best, copies } = this.#answers
    const isEnough = copies >= this.#quorum || this.#isEnoughWithoutLate
    if (isEnough && best !== undefined && !this.#isOutdated) this.#serve(best)
    else if (this.#underWay.length === 0)
      this.#askNext(this.#holdersLeft > 0 ? this.#quorum : Infinity)
  }

  /** Whether all others have answered, and so many that the last write is among them. */
  get #isEnoughWithoutLate(): boolean {
    if (this.#quorum === 1 || this.#late.size === 0 || this.#line.length > 0) return false
    const { best, counted } = this.#answers
    if (best === undefined || counted < this.#quorum) return false
    return this.#underWay.every((member) => this.#late.has(member))
  }

  /** Whether the best copy is older than one that this process knows of. */
  get #isOutdated(): boolean {
    if (this.#options.versions === undefined) return false
    const { best } = this.#answers
    return best !== undefined && this.#hooks.isOutdated(best, this.#answers.bestCopies)
  }

  #decide(): void {
    const { best } = this.#answers
    if (best !== undefined && !this.#isOutdated) {
      this.#serve(best)
      return
    }
    const { silent, isUnsure } = this.#answers
    const canTell = best === undefined ? silent <= this.#hooks.tolerated : !isUnsure
    if (!canTell && this.#failed.length > 0 && !this.#isLastTry) this.#tryAgain()
    else this.#conclude(canTell)
  }

  #serve(best: Copy<T>): void {
    this.#hooks.found(best, this.#answers.lacks(best))
    this.#resolve(best.proven)
  }

  /** Ends the read without a copy: there is none, or only an outdated one, which is never served. */
  #conclude(canTell: boolean): void {
    try {
      this.#resolve(this.#answers.conclude(this.#key, canTell))
    } catch (error) {
      this.#reject(error)
    }
  }

  /** Asks the servers that did not answer once more; no other can have the value. */
  #tryAgain(): void {
    this.#isLastTry = true
    this.#line.push(...this.#failed)
    this.#askNext(this.#failed.length)
  }

  /** A quorum that waits for a late server is formed without it, as if it were away. */
  #goOnWithoutLate(): void {
    if (this.#isDone || !this.#hooks.hedges.spend()) return
    this.#late = new Set([...this.#late, ...this.#underWay])
    this.#askNext(Infinity)
    this.#goOn()
  }

  #hedgeAfter(member: Member): void {
    if (this.#isDone || (this.#quorum === 1 && this.#holdersLeft <= 0)) return
    const usual = member.latency.usual ?? HEDGE.max
    const ms = Math.max(HEDGE.min, Math.min(HEDGE.max, usual))
    this.#hedge = this.#hooks.waits.begin(ms, member, () => {
      this.#hurry()
      return 0
    })
  }

  #hurry(): void {
    if (this.#quorum > 1) {
      this.#goOnWithoutLate()
      return
    }
    const next = this.#line[0]
    if (this.#holdersLeft <= 0 || next === undefined || !this.#hooks.hedges.spend()) return
    this.#askNext(1)
    this.#hedgeAfter(next)
  }

  #resolve(proven: T | undefined): void {
    this.#end()
    this.#promise.resolve(proven)
  }

  #reject(error: unknown): void {
    this.#end()
    this.#promise.reject(error instanceof ProofFailure ? error.cause : error)
  }

  #end(): void {
    this.#isDone = true
    if (this.#hedge !== undefined) this.#hooks.waits.end(this.#hedge)
  }
}
