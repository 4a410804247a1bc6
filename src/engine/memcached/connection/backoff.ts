/**
 * Says how long to leave a server alone. There is no pause after the first failure in a row, since
 * a server that was restarted answers at once. From the second on the pause doubles, with jitter so
 * that many processes do not reconnect in step.
 */
export class Backoff {
  readonly #min: number
  readonly #max: number
  #failures = 0
  #until = 0

  constructor(minMs: number, maxMs: number) {
    this.#min = minMs
    this.#max = Math.max(minMs, maxMs)
  }

  get isPausing(): boolean {
    return performance.now() < this.#until
  }

  succeeded(): void {
    this.#failures = 0
    this.#until = 0
  }

  failed(): void {
    this.#failures++
    if (this.#failures < 2) return
    const pause = Math.min(this.#max, this.#min * 2 ** Math.min(this.#failures - 2, 30))
    this.#until = performance.now() + pause * (0.5 + Math.random() / 2)
  }
}
