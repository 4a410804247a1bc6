import { orAborted } from '../or-aborted.ts'

/** What a piece of work knows of its end. */
export interface Work {
  /** Aborted when it is for nothing, and by `end`. */
  readonly signal: AbortSignal
  /** Aborts the signal. */
  readonly end: (reason: unknown) => void
}

/** One piece of work that several callers wait for. It is aborted when the last of them leaves before its end. */
export class SharedWork<T> {
  readonly result: Promise<T>
  readonly #controller = new AbortController()
  #holders = 0
  #isSettled = false
  #isForNothing = false

  constructor(work: (work: Work) => Promise<T>) {
    const { signal } = this.#controller
    this.result = work({ signal, end: (reason) => this.#controller.abort(reason) })
    const settle = () => {
      this.#isSettled = true
    }
    this.result.then(settle, settle)
  }

  get isAborted(): boolean {
    return this.#controller.signal.aborted
  }

  /** Whether it was ended because no caller wants its result any more. */
  get isForNothing(): boolean {
    return this.#isForNothing
  }

  /** Ends the work for all callers. */
  abort(reason?: unknown): void {
    this.#isForNothing = true
    this.#controller.abort(reason)
  }

  /**
   * Keeps the work going until the returned function is called, which may be called again.
   * @returns A function that takes whether the work is at its end. Default: whether its result is there.
   */
  hold(): (isOver?: boolean) => void {
    let isHeld = true
    this.#holders++
    return (isOver = this.#isSettled) => {
      if (!isHeld) return
      isHeld = false
      this.#holders--
      if (this.#holders === 0 && !isOver) this.abort()
    }
  }

  /**
   * Rejects at once when `signal` is aborted.
   * @param early Resolves with what the caller can have before the work is done.
   */
  async wait<E = never>(signal: AbortSignal | undefined, early?: Promise<E>): Promise<T | E> {
    signal?.throwIfAborted()
    const release = this.hold()
    try {
      const first: Promise<T | E>[] = early ? [early, this.result] : [this.result]
      return await orAborted<T | E>(Promise.race(first), signal)
    } finally {
      release()
    }
  }
}
