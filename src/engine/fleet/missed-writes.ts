import type { Versioned } from './versioned.ts'

/** Keys that are remembered for one server; beyond that the oldest are left to the readers. */
const MAX_KEYS = 10_000

/** A write that one server did not get. */
export interface Missed {
  readonly key: string
  /** Seconds to live that are left, 0 for no limit. */
  readonly ttl: number
  /** Of a value that others may replace. */
  readonly versioned?: Versioned<unknown> | undefined
}

interface Entry {
  /** Unix time in milliseconds, 0 for never. */
  readonly endsAt: number
  readonly versioned: Versioned<unknown> | undefined
}

/** What was written while a server that should have a copy was away. */
export class MissedWrites {
  readonly #entries = new Map<string, Entry>()
  #total = 0

  /** All that were ever missed. */
  get total(): number {
    return this.#total
  }

  add(missed: Missed): void {
    this.#total++
    this.putBack(missed)
  }

  /** Remembers what `take` returned, for the next time. */
  putBack({ key, ttl, versioned }: Missed): void {
    this.#entries.delete(key)
    if (this.#entries.size >= MAX_KEYS) this.#entries.delete(this.#entries.keys().next().value!)
    this.#entries.set(key, { endsAt: ttl === 0 ? 0 : Date.now() + ttl * 1000, versioned })
  }

  forget(key: string): void {
    this.#entries.delete(key)
  }

  /** The next one; it is remembered no more. */
  take(): Missed | undefined {
    for (const [key, { endsAt, versioned }] of this.#entries) {
      this.#entries.delete(key)
      if (endsAt === 0) return { key, ttl: 0, versioned }
      const ttl = Math.floor((endsAt - Date.now()) / 1000)
      if (ttl > 0) return { key, ttl, versioned }
    }
    return undefined
  }
}
