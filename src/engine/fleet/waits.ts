/** Something that is waited for. */
export interface Wait {
  readonly owner: unknown
  /** In ticks. */
  readonly since: number
  until: number
  /** `undefined` when the wait is over. */
  onLate: ((waitedMs: number) => number) | undefined
}

/**
 * Watches operations that may take too long, all with one timer. Counts the ticks of that timer and not
 * time, so that a process that was busy or stopped takes no server for slow.
 */
export class Waits {
  readonly #tickMs: number
  /** Some of them are over, until the next tick: removing each at once costs more. */
  #waits: Wait[] = []
  #ticks = 0
  #timer: NodeJS.Timeout | undefined

  /** @param tickMs Milliseconds between looks at the operations: up to twice as much is added to a wait. */
  constructor(tickMs: number) {
    this.#tickMs = tickMs
  }

  /**
   * Calls `onLate` after about `ms` milliseconds, unless the wait is ended before. It returns the
   * milliseconds until it is called again, 0 for never.
   * @param owner For `oldestOf`.
   */
  begin(ms: number, owner: unknown, onLate: (waitedMs: number) => number): Wait {
    const until = this.#ticks + 1 + Math.ceil(ms / this.#tickMs)
    const wait: Wait = { owner, since: this.#ticks, until, onLate }
    this.#waits.push(wait)
    this.#timer ??= this.#startTimer()
    return wait
  }

  /** Returns the milliseconds that it has taken. */
  end(wait: Wait): number {
    wait.onLate = undefined
    return this.#age(wait)
  }

  /** Returns the milliseconds that the oldest wait of `owner` has taken so far, 0 if there is none. */
  oldestOf(owner: unknown): number {
    const oldest = this.#waits.find((wait) => wait.owner === owner && wait.onLate !== undefined)
    return oldest === undefined ? 0 : this.#age(oldest)
  }

  #age(wait: Wait): number {
    return (this.#ticks - wait.since) * this.#tickMs
  }

  /** Answers that have arrived while the process was busy are handled before the tick. */
  #startTimer(): NodeJS.Timeout {
    return setTimeout(() => setImmediate(() => this.#tick()), this.#tickMs)
  }

  #tick(): void {
    this.#ticks++
    this.#timer = undefined
    const due = this.#waits.filter(({ until }) => until <= this.#ticks)
    for (const wait of due) {
      const ms = wait.onLate?.(this.#age(wait)) ?? 0
      if (ms > 0) wait.until = this.#ticks + Math.ceil(ms / this.#tickMs)
      else wait.onLate = undefined
    }
    this.#waits = this.#waits.filter(({ onLate }) => onLate !== undefined)
    if (this.#waits.length > 0) this.#timer ??= this.#startTimer()
  }
}
