import { sortFew } from './sort-few.ts'

/** What placement needs to know about a server. */
export interface Place {
  /** The same on every client of the fleet: it decides what the server holds. */
  readonly name: string
  /** Its share of the keys in proportion to that of the others. */
  readonly weight: number
}

/**
 * Places keys on servers by weighted rendezvous hashing: each key ranks all servers, and the first
 * ones hold it. Adding or removing a server does not change the order of the others, so only its
 * own share of the keys moves. Only names and weights decide, so all clients agree. The hash is
 * part of the format: another one would move every key.
 */
export class Placement<P extends Place> {
  readonly #seeded: readonly { place: P; high: number; low: number }[]

  constructor(places: readonly P[]) {
    this.#seeded = places.map((place) => ({ place, ...spread(place.name) }))
  }

  /** Returns all servers, the best for `key` first. */
  rank(key: string): P[] {
    const { high, low } = spread(key)
    const scored = this.#seeded.map((seeded) => ({
      place: seeded.place,
      score: seeded.place.weight / -Math.log(fraction(high ^ seeded.high, low ^ seeded.low)),
    }))
    return sortFew(scored, ({ score }) => -score).map(({ place }) => place)
  }
}

/** Returns 64 bits that depend on every character of `text`, as two halves. */
function spread(text: string): { high: number; low: number } {
  let high = 0x9e3779b9
  let low = 0x7f4a7c15
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    high = rotate(Math.imul(high ^ code, 0xcc9e2d51))
    low = rotate(Math.imul(low ^ code, 0x1b873593))
  }
  return { high: mix(high ^ text.length), low: mix(low ^ high) }
}

/** Returns a number above 0 and below 1, made of 53 of the 64 bits. */
function fraction(high: number, low: number): number {
  const top = mix(high)
  const rest = mix(low ^ top)
  return ((top >>> 0) * 2 ** 21 + (rest >>> 11) + 0.5) / 2 ** 53
}

const rotate = (bits: number) => (bits << 13) | (bits >>> 19)

/** The finalizer of MurmurHash3: each bit of the input changes half of the output. */
function mix(bits: number): number {
  let mixed = bits
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
