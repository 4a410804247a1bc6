/** Milliseconds in which a count loses half of its weight. */
const HALF_LIFE_MS = 60_000

/** Counts the operations of about the last minutes: each loses weight as time passes. */
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
