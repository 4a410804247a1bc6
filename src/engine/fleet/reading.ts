import { UnavailableError } from '../../errors.ts'
import type { GetOptions, Proof } from '../engine.ts'
import { Answers, type Copy, type Lack } from './answers.ts'
import { ask, ProofFailure } from './ask.ts'
import { askingOrder } from './asking-order.ts'
import type { HedgeBudget } from './hedge-budget.ts'
import type { Member } from './member.ts'
import type { Seats } from './seats.ts'

/** Milliseconds after which a second server is asked as well. */
const HEDGE = { min: 20, max: 150 }

export interface ReadingHooks<T> {
  readonly hedges: HedgeBudget
  /** Holders that may not answer while the others are believed that there is no such key. */
  readonly tolerated: number
  /**
   * Called with the copies that are missing, outdated or wrong, by comparison with the right one.
   */
  lacking(best: Copy<T>, lacks: Lack[]): void
}

/**
 * Reads one key. A value without versions needs one good copy; a value with versions needs two, of
 * which the newer is right, since one alone may be outdated. That many servers are asked at first,
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
  #underWay = 0
  /** Servers that did not answer; they are asked once more when no other is left. */
  #failed: Member[] = []
  #isLastTry = false
  #hedge: NodeJS.Timeout | undefined
  #promise!: { resolve: (proven: T | undefined) => void; reject: (error: unknown) => void }
  #isDone = false

  constructor(
    seats: Seats,
    key: string,
    prove: Proof<T>,
    options: GetOptions<T>,
    hooks: ReadingHooks<T>,
  ) {
    const { line, holders } = askingOrder(seats)
    this.#key = key
    this.#prove = prove
    this.#options = options
    this.#hooks = hooks
    this.#answers = new Answers(seats, options.versions)
    this.#line = line
    this.#holdersLeft = holders
    this.#quorum = options.versions === undefined ? 1 : 2
  }

  run(): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#promise = { resolve, reject }
      this.#hooks.hedges.earn()
      const first = this.#line[0]
      this.#askNext(this.#quorum)
      if (first !== undefined) this.#hedgeAfter(first)
    })
  }

  /** Asks `count` more servers; decides when no server is left to ask or to wait for. */
  #askNext(count: number): void {
    for (const member of this.#line.splice(0, count)) {
      this.#holdersLeft--
      this.#underWay++
      void this.#ask(member)
    }
    if (this.#underWay === 0) this.#decide()
  }

  async #ask(member: Member): Promise<void> {
    const answer = await ask(member, this.#key, this.#prove, this.#options).catch((error) => ({
      error,
    }))
    this.#underWay--
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
    if (this.#answers.copies >= this.#quorum) this.#decide()
    else if (this.#underWay === 0) this.#askNext(this.#holdersLeft > 0 ? this.#quorum : Infinity)
  }

  #decide(): void {
    const { best } = this.#answers
    if (best === undefined) {
      const isUnsure = this.#answers.silent > this.#hooks.tolerated
      if (isUnsure && this.#failed.length > 0 && !this.#isLastTry) {
        this.#tryAgain()
        return
      }
      try {
        this.#resolve(this.#answers.conclude(this.#key, this.#hooks.tolerated))
      } catch (error) {
        this.#reject(error)
      }
      return
    }
    const lacks = this.#answers.lacks(best)
    if (lacks.length > 0) this.#hooks.lacking(best, lacks)
    this.#resolve(best.proven)
  }

  /** Asks the servers that did not answer once more; no other can have the value. */
  #tryAgain(): void {
    this.#isLastTry = true
    this.#line.push(...this.#failed)
    this.#askNext(this.#failed.length)
  }

  #hedgeAfter(member: Member): void {
    if (this.#holdersLeft <= 0 || this.#isDone) return
    // Rounded, since Node keeps a list of timers for each length.
    const usual = Math.ceil((member.latency.usual ?? HEDGE.max) / 10) * 10
    this.#hedge = setTimeout(
      () => {
        const next = this.#line[0]
        if (this.#holdersLeft <= 0 || next === undefined || !this.#hooks.hedges.spend()) return
        this.#askNext(1)
        this.#hedgeAfter(next)
      },
      Math.max(HEDGE.min, Math.min(HEDGE.max, usual)),
    )
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
    clearTimeout(this.#hedge)
  }
}
