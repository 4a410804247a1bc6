/** What placement has to know of a server. */
export interface Place {
  /** The same on every client of the fleet: it decides what the server holds. */
  readonly name: string
  /** Its share of the keys in proportion to that of the others. */
  readonly weight: number
}

/**
 * Weighted rendezvous hashing: for each key the servers stand in an order of their own, and the
 * first ones hold it. A server that comes or goes leaves the order of the others as it is, so it
 * moves its own share of the keys and no more. Nothing but names and weights decides, so all
 * clients agree; the hash is part of the format, since another one would move every key.
 */
export class Placement<P extends Place> {
  readonly #seeded: readonly { place: P; high: number; low: number }[]

  constructor(places: readonly P[]) {
    this.#seeded = places.map((place) => ({ place, ...spread(place.name) }))
  }

  /** All servers, the best for `key` first. */
  rank(key: string): P[] {
    const { high, low } = spread(key)
    const scored = this.#seeded.map((seeded) => ({
      place: seeded.place,
      score: seeded.place.weight / -Math.log(fraction(high ^ seeded.high, low ^ seeded.low)),
    }))
    scored.sort((a, b) => b.score - a.score)
    return scored.map(({ place }) => place)
  }
}

/** 64 bits that depend on every character of `text`, as two halves. */
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

/** A number between 0 and 1, never either, made of 53 of the 64 bits. */
function fraction(high: number, low: number): number {
  const top = mix(high)
  const rest = mix(low ^ top)
  return ((top >>> 0) * 2 ** 21 + (rest >>> 11) + 0.5) / 2 ** 53
}

const rotate = (bits: number) => (bits << 13) | (bits >>> 19)

/** The finalizer of MurmurHash3: each bit that goes in changes half of those that come out. */
function mix(bits: number): number {
  let mixed = bits
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
