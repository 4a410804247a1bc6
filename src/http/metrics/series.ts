import { Counter, type Histogram, type LabelValues, type Registry } from 'prom-client'

/**
 * A counter whose labels are looked up once, by `series`, and not each time that something is
 * counted: a small request counts ten things.
 */
export class SeriesCounter<T extends string> extends Counter<T> {
  readonly #all: { labels: LabelValues<T>; value: number }[] = []

  /** To be kept by the caller: what is asked for twice is told twice. Add to its `value`. */
  series(labels: LabelValues<T>): { value: number } {
    const series = { labels, value: 0 }
    this.#all.push(series)
    return series
  }

  override async get() {
    return { ...(await super.get()), values: this.#all.map((series) => ({ ...series })) }
  }
}

export interface HistogramOptions {
  name: string
  help: string
  /** The upper bounds of the buckets, ascending. */
  buckets: readonly number[]
  registers: readonly Registry[]
}

/** As `SeriesCounter`, a histogram. Prom-client's own can only be told one value after another. */
export class SeriesHistogram<T extends string> {
  readonly name: string
  readonly #help: string
  readonly #buckets: readonly number[]
  readonly #all: { labels: LabelValues<T>; distribution: Distribution }[] = []

  constructor({ name, help, buckets, registers }: HistogramOptions) {
    this.name = name
    this.#help = help
    this.#buckets = buckets
    // A registry needs no more of a metric than its name and `get`.
    for (const registry of registers) registry.registerMetric(this as unknown as Histogram)
  }

  /** To be kept by the caller: what is asked for twice is told twice. */
  series(labels: LabelValues<T>): Distribution {
    const distribution = new Distribution(this.#buckets)
    this.#all.push({ labels, distribution })
    return distribution
  }

  async get() {
    const values = this.#all.flatMap(({ labels, distribution }) => [
      ...distribution.cumulative().map(({ le, count }) => ({
        metricName: `${this.name}_bucket`,
        labels: { le, ...labels },
        value: count,
      })),
      { metricName: `${this.name}_sum`, labels, value: distribution.sum },
      { metricName: `${this.name}_count`, labels, value: distribution.count },
    ])
    return { name: this.name, help: this.#help, type: 'histogram', aggregator: 'sum', values }
  }
}

/** How many observations there were up to each bound. */
export class Distribution {
  readonly #bounds: readonly number[]
  /** Of each bucket by itself; the last one has no upper bound. */
  readonly #counts: number[]
  #count = 0
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Array<number>(bounds.length + 1).fill(0)
  }

  get count(): number {
    return this.#count
  }

  get sum(): number {
    return this.#sum
  }

  observe(value: number): void {
    let bucket = 0
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++
    this.#counts[bucket]!++
    this.#count++
    this.#sum += value
  }

  cumulative(): { le: number | '+Inf'; count: number }[] {
    let count = 0
    return this.#counts.map((observations, bucket) => {
      count += observations
      return { le: this.#bounds[bucket] ?? '+Inf', count }
    })
  }
}

/** `make`, called once for each key; there must be few of them. */
export function memoized<K, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>()
  return (key) => {
    let value = made.get(key)
    if (value === undefined) {
      value = make(key)
      made.set(key, value)
    }
    return value
  }
}
