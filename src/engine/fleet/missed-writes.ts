import type { Versioned } from './versioned.ts'

/** Keys that are remembered for one server; beyond that the oldest are forgotten. */
const MAX_KEYS = 10_000

/** A write that one server did not get. */
export interface Missed {
  readonly key: string
  /** Seconds that it has left, 0 for no limit. */
  readonly ttl: number
  /** The key on whose servers it is, if not on its own. */
  readonly near?: string | undefined
  /** For a value that may be replaced. */
  readonly versioned?: Versioned<unknown> | undefined
}

interface Entry extends Omit<Missed, 'key' | 'ttl'> {
  /** Unix time in milliseconds, 0 for never. */
  readonly endsAt: number
}

/** The keys that were written while a server that should have a copy was down. */
export class MissedWrites {
  readonly #entries = new Map<string, Entry>()
  #total = 0

  /** All writes that the server has missed. */
  get total(): number {
    return this.#total
  }

  add(missed: Missed): void {
    this.#total++
    this.putBack(missed)
  }

  /** Remembers what `take` returned, for the next time. */
  putBack({ key, ttl, ...rest }: Missed): void {
    this.#entries.delete(key)
    if (this.#entries.size >= MAX_KEYS) this.#entries.delete(this.#entries.keys().next().value!)
    this.#entries.set(key, { endsAt: ttl === 0 ? 0 : Date.now() + ttl * 1000, ...rest })
  }

  forget(key: string): void {
    this.#entries.delete(key)
  }

  /** Takes out the next one. */
  take(): Missed | undefined {
    for (const [key, { endsAt, ...rest }] of this.#entries) {
      this.#entries.delete(key)
      if (endsAt === 0) return { key, ttl: 0, ...rest }
      const ttl = Math.floor((endsAt - Date.now()) / 1000)
      if (ttl > 0) return { key, ttl, ...rest }
    }
    return undefined
  }
}
