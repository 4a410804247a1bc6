import { LRUCache } from 'lru-cache'
import { Load } from './load.ts'

/** Places that are watched at a time. */
const MAX_PLACES = 512

/**
 * Tells how many servers should share in reading what is read very often, so that it does not hang on the
 * network card of one: one more from `threshold` bytes a minute on, and with each doubling another.
 */
export class Heat {
  readonly #threshold: number
  readonly #places = new LRUCache<string, Load>({ max: MAX_PLACES })

  /** @param threshold Bytes; 0 for never. */
  constructor(threshold: number) {
    this.#threshold = threshold
  }

  /** To be called for each value that was read from there. */
  add(place: string, bytes: number): void {
    if (this.#threshold === 0) return
    let load = this.#places.get(place)
    if (load === undefined) {
      load = new Load()
      this.#places.set(place, load)
    }
    load.add(bytes)
  }

  /** Servers beside those that hold what is there. */
  sharing(place: string): number {
    const load = this.#places.get(place)
    if (load === undefined || load.value < this.#threshold) return 0
    return 1 + Math.floor(Math.log2(load.value / this.#threshold))
  }
}
