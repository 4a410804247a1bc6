/** Milliseconds over which the rate is taken: long enough to be calm, short enough to be true. */
const WINDOW_MS = 4000

/** How fast something goes, from what it has come to so far. */
export class Pace {
  readonly #marks: { at: number; done: number }[] = []

  mark(done: number, at = performance.now()): void {
    this.#marks.push({ at, done })
    while (this.#marks.length > 2 && this.#marks[0]!.at < at - WINDOW_MS) this.#marks.shift()
  }

  /** Per second; 0 until it shows. */
  get rate(): number {
    const [first, last] = [this.#marks.at(0), this.#marks.at(-1)]
    if (first === undefined || last === undefined || last.at - first.at < 250) return 0
    return ((last.done - first.done) / (last.at - first.at)) * 1000
  }
}
