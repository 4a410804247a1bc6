import { LRUCache } from 'lru-cache'
import { Load } from './load.ts'

/** Places that are watched at a time. */
const MAX_PLACES = 512
/** Reads of the threshold that are noted, of all others: a figure to within some 5 %. */
const SAMPLES = 512

/**
 * Tells how many servers should share in reading what is read very often, so that it does not hang on the
 * network card of one: one more from `threshold` bytes a minute on, and with each doubling another.
 */
export class Heat {
  readonly #threshold: number
  readonly #places = new LRUCache<string, Load>({
    max: MAX_PLACES,
    dispose: (_load, place) => this.#hot.delete(place),
  })
  /** Those that were over the threshold when they were read last: none, mostly. */
  readonly #hot = new Set<string>()

  /** @param threshold Bytes; 0 for never. */
  constructor(threshold: number) {
    this.#threshold = threshold
  }

  /** Call it for each value that was read from there. Notes one read of many, in proportion to their bytes. */
  add(place: string, bytes: number): void {
    const sample = this.#threshold / SAMPLES
    if (this.#threshold === 0 || bytes < sample * Math.random()) return
    let load = this.#places.get(place)
    if (load === undefined) {
      load = new Load()
      this.#places.set(place, load)
    }
    load.add(Math.max(bytes, sample))
    if (load.value >= this.#threshold) this.#hot.add(place)
  }

  /** Returns how many servers share in reading, beside those that hold what is there. */
  sharing(place: string): number {
    if (!this.#hot.has(place)) return 0
    const load = this.#places.get(place)
    if (load !== undefined && load.value >= this.#threshold) {
      return 1 + Math.floor(Math.log2(load.value / this.#threshold))
    }
    this.#hot.delete(place)
    return 0
  }
}
