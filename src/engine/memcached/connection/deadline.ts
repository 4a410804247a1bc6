/** Milliseconds. A timer that fires this late shows that the event loop was blocked. */
const LATE = 50

/**
 * One timer for a deadline that moves all the time. Before it calls `expire` it lets the event loop
 * read what has arrived. If the event loop itself was blocked it waits once for as long again,
 * since the delay was this process's own.
 */
export class Deadline {
  readonly #dueAt: () => number
  readonly #expire: () => void
  #timer: NodeJS.Timeout | undefined
  #look: NodeJS.Immediate | undefined
  #wakeAt = 0
  /** The deadline that was extended after a blocked event loop; each is extended once. */
  #extended = 0

  /**
   * @param dueAt On the clock of `performance.now()`; `Infinity` when there is nothing to wait for.
   */
  constructor(dueAt: () => number, expire: () => void) {
    this.#dueAt = dueAt
    this.#expire = expire
  }

  /** Starts the timer. Call it when there is something to wait for; cheap when it runs already. */
  watch(): void {
    if (this.#timer === undefined && this.#look === undefined) this.#wake(this.#dueAt())
  }

  stop(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#look)
    this.#timer = undefined
    this.#look = undefined
  }

  #wake(at: number): void {
    if (at === Number.POSITIVE_INFINITY) return
    this.#wakeAt = at
    this.#timer = setTimeout(() => this.#awake(), Math.max(1, Math.ceil(at - performance.now())))
  }

  #awake(): void {
    this.#timer = undefined
    const now = performance.now()
    const dueAt = this.#dueAt()
    if (dueAt > now) {
      this.#wake(dueAt)
      return
    }
    const late = now - this.#wakeAt
    this.#look = setImmediate(() => {
      this.#look = undefined
      this.#judge(late)
    })
  }

  #judge(late: number): void {
    const now = performance.now()
    const dueAt = this.#dueAt()
    if (dueAt > now) {
      this.#wake(dueAt)
    } else if (late > LATE && this.#extended !== dueAt) {
      this.#extended = dueAt
      this.#wake(now + Math.min(late, 1000))
    } else {
      this.#expire()
    }
  }
}
