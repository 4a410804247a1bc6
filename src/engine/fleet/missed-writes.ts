/** Keys that are remembered for one server; beyond that the oldest are forgotten. */
const MAX_KEYS = 10_000

/** The keys that were written while a server that should have a copy was down. */
export class MissedWrites {
  /** Unix time in milliseconds at which each key ends, 0 for never. */
  readonly #keys = new Map<string, number>()
  #total = 0

  /** All writes that the server has missed. */
  get total(): number {
    return this.#total
  }

  add(key: string, ttl: number): void {
    this.#total++
    this.#keys.delete(key)
    if (this.#keys.size >= MAX_KEYS) this.#keys.delete(this.#keys.keys().next().value!)
    this.#keys.set(key, ttl === 0 ? 0 : Date.now() + ttl * 1000)
  }

  forget(key: string): void {
    this.#keys.delete(key)
  }

  /** Takes out the next key and the seconds it has left, 0 for no limit. */
  take(): { key: string; ttl: number } | undefined {
    for (const [key, endsAt] of this.#keys) {
      this.#keys.delete(key)
      if (endsAt === 0) return { key, ttl: 0 }
      const ttl = Math.floor((endsAt - Date.now()) / 1000)
      if (ttl > 0) return { key, ttl }
    }
    return undefined
  }
}
