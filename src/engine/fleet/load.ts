/** Milliseconds in which what was counted loses half of its weight. */
const HALF_LIFE_MS = 60_000

/** A count that forgets: what happened in the last minutes, roughly. */
export class Load {
  #count = 0
  #at = performance.now()

  add(amount = 1): void {
    this.#count = this.value + amount
  }

  get value(): number {
    const now = performance.now()
    if (now - this.#at > 1000) {
      this.#count *= 0.5 ** ((now - this.#at) / HALF_LIFE_MS)
      this.#at = now
    }
    return this.#count
  }
}
