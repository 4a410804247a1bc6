/** The part by which `least` approaches a mean that stays higher. */
const FORGETTING = 1 / 4096

/** Milliseconds that an operation takes, as a running mean and deviation (RFC 6298). */
export class Latency {
  /** 0 before the first one. */
  mean = 0
  /** The lowest mean, forgotten over some thousands of operations. */
  least = 0
  #deviation: number | undefined

  add(ms: number): void {
    if (this.#deviation === undefined) {
      this.mean = ms
      this.least = ms
      this.#deviation = ms / 2
      return
    }
    this.#deviation += (Math.abs(ms - this.mean) - this.#deviation) / 4
    this.mean += (ms - this.mean) / 8
    this.least = Math.min(this.mean, this.least + (this.mean - this.least) * FORGETTING)
  }

  /** Hardly any operation takes longer; `undefined` before the first one. */
  get usual(): number | undefined {
    return this.#deviation === undefined ? undefined : this.mean + 4 * this.#deviation
  }
}
