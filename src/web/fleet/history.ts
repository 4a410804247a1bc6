import type { ServerJson } from '../../api/fleet.ts'

/** Milliseconds that the charts look back. */
export const SPAN_MS = 5 * 60 * 1000

export interface Point {
  /** Milliseconds of `performance.now()`. */
  readonly at: number
  readonly value: number
}

interface Sample {
  readonly at: number
  readonly stats: ServerJson
}

/** The figures of one server over the last minutes, and rates from them. */
export class History {
  readonly #samples: Sample[] = []

  add(stats: ServerJson, at: number): void {
    this.#samples.push({ at, stats })
    while (this.#samples[0]!.at < at - SPAN_MS) this.#samples.shift()
  }

  get memory(): Point[] {
    return this.#samples.flatMap(({ at, stats: { bytes, limitBytes } }) =>
      bytes === undefined || !limitBytes ? [] : [{ at, value: bytes / limitBytes }],
    )
  }

  /** Per second, between one poll and the next. */
  get evictions(): Point[] {
    return this.#steps(({ evictions }, before) => difference(evictions, before.evictions))
  }

  get lookups(): Point[] {
    return this.#steps((now, before) => lookupsBetween(now, before))
  }

  /** The share of look-ups that found something, for polls with look-ups in between. */
  get hitRate(): Point[] {
    return this.#pairs(({ stats: now }, { stats: before }) => {
      const hits = difference(now.hits, before.hits)
      const lookups = lookupsBetween(now, before)
      return hits === undefined || !lookups ? undefined : hits / lookups
    })
  }

  #steps(change: (now: ServerJson, before: ServerJson) => number | undefined): Point[] {
    return this.#pairs((now, before) => {
      const by = change(now.stats, before.stats)
      return by === undefined ? undefined : by / ((now.at - before.at) / 1000)
    })
  }

  #pairs(value: (now: Sample, before: Sample) => number | undefined): Point[] {
    return this.#samples.slice(1).flatMap((now, index) => {
      const found = value(now, this.#samples[index]!)
      return found === undefined ? [] : [{ at: now.at, value: found }]
    })
  }
}

function lookupsBetween(now: ServerJson, before: ServerJson): number | undefined {
  const hits = difference(now.hits, before.hits)
  const misses = difference(now.misses, before.misses)
  return hits === undefined || misses === undefined ? undefined : hits + misses
}

/** `undefined` for a counter that went back, since the server was restarted. */
function difference(now: number | undefined, before: number | undefined): number | undefined {
  if (now === undefined || before === undefined || now < before) return undefined
  return now - before
}
