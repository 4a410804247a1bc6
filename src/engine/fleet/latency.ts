/** Milliseconds that an operation takes, as a running mean and deviation (RFC 6298). */
export class Latency {
  #mean: number | undefined
  #deviation = 0

  add(ms: number): void {
    if (this.#mean === undefined) {
      this.#mean = ms
      this.#deviation = ms / 2
      return
    }
    this.#deviation += (Math.abs(ms - this.#mean) - this.#deviation) / 4
    this.#mean += (ms - this.#mean) / 8
  }

  /** Hardly any operation takes longer; `undefined` before the first one. */
  get usual(): number | undefined {
    return this.#mean === undefined ? undefined : this.#mean + 4 * this.#deviation
  }
}
