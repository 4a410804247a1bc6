/** A timer that fires this much late tells of a blocked event loop, in milliseconds. */
const LATE = 50

/**
 * One timer that follows a deadline which moves all the time. Before it calls `expire` it lets the
 * event loop look for what has arrived, and when the loop itself was blocked it waits once
 * for as long again, so that nobody is blamed for our own pause.
 */
export class Deadline {
  readonly #dueAt: () => number
  readonly #expire: () => void
  #timer: NodeJS.Timeout | undefined
  #look: NodeJS.Immediate | undefined
  #wakeAt = 0
  /** The deadline that has been put off already. */
  #excused = 0

  /**
   * @param dueAt On the clock of `performance.now()`; `Infinity` when there is nothing to wait for.
   */
  constructor(dueAt: () => number, expire: () => void) {
    this.#dueAt = dueAt
    this.#expire = expire
  }

  /** Call this when there is something to wait for; cheap when it is watched already. */
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
    } else if (late > LATE && this.#excused !== dueAt) {
      this.#excused = dueAt
      this.#wake(now + Math.min(late, 1000))
    } else {
      this.#expire()
    }
  }
}
