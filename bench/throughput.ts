import type { Contender } from './contenders.ts'
import { fill } from './fill.ts'
import { idealRate } from './ideal.ts'
import { connectionsFor, measureRounds, type Sample } from './rounds.ts'
import { type Effort, type Section, table } from './section.ts'
import { median, round, sizeName, spread } from './statistics.ts'

export type Operation = 'GET' | 'PUT'

/** The largest value that the peer of reads can serve; beyond, its bytes a second are those at this size. */
const LARGEST_VALUE = 1_000_000

/** Medians of the rounds. */
export interface Measured {
  operation: Operation
  size: number
  contender: string
  samples: readonly Sample[]
  /** In parts of the ideal and of Redis, round by round; empty where there is none. */
  toIdeal: readonly number[]
  toRedis: readonly number[]
}

export async function measureThroughput(
  contenders: readonly Contender[],
  values: { port: number },
  effort: Effort,
): Promise<Measured[]> {
  const all: Measured[] = []
  /** Of nginx, of the largest value that it can serve. */
  let largest: readonly Sample[] = []
  for (const size of effort.sizes) {
    const { names } = await fill(size, contenders, values)
    for (const operation of ['GET', 'PUT'] as const) {
      const isUpload = operation === 'PUT'
      const able = contenders.filter(({ kind }) => kind !== 'nginx' || !isUpload)
      const paths = isUpload ? names.map((name) => `${name}.put`) : names
      const job = { size, paths, connections: connectionsFor(size), isUpload }
      const samples = await measureRounds(able, job, effort)
      const redis = samples.get('Redis')
      const nginx = samples.get('nginx')
      if (nginx !== undefined && size <= LARGEST_VALUE) largest = nginx
      const scale = Math.min(1, LARGEST_VALUE / size)
      const peer = isUpload ? redis : (nginx ?? largest)
      const ideal = peer?.map(({ requestsPerSecond }) =>
        idealRate(requestsPerSecond * (isUpload || nginx ? 1 : scale), size, isUpload),
      )
      for (const [contender, list] of samples) {
        const rates = list.map(({ requestsPerSecond }) => requestsPerSecond)
        const toIdeal = ratios(rates, contender.startsWith('blobcached') ? ideal : undefined)
        const toRedis = ratios(
          rates,
          redis?.map(({ requestsPerSecond }) => requestsPerSecond),
        )
        all.push({ operation, size, contender, samples: list, toIdeal, toRedis })
      }
      console.error(`measured ${operation} of ${sizeName(size)}`)
    }
  }
  return all
}

function ratios(rates: readonly number[], others: readonly number[] | undefined): number[] {
  return others === undefined ? [] : rates.map((rate, index) => rate / others[index]!)
}

export function throughputSection(all: readonly Measured[]): Section {
  const rows = all.map(({ operation, size, contender, samples, toIdeal, toRedis }) => {
    const of = (figure: (sample: Sample) => number) => median(samples.map(figure))
    return [
      `${operation}, ${sizeName(size)}`,
      contender,
      spread(toIdeal),
      spread(samples.map(({ requestsPerSecond }) => requestsPerSecond)),
      round(of((sample) => sample.bytesPerSecond / 1e6)),
      round(of((sample) => sample.p50Ms)),
      round(of((sample) => sample.p99Ms)),
      round(of((sample) => sample.cpuPerRequest * 1e6)),
      round(of((sample) => (sample.cpuPerRequest / size) * 1e9)),
      round(median(toRedis)),
      String(samples.reduce((sum, { errors }) => sum + errors, 0)),
    ]
  })
  const head = ['', 'server', '÷ ideal', 'req/s', 'MB/s', 'p50 ms', 'p99 ms']
  const more = ['CPU µs/req', 'CPU s/GB', '÷ Redis', 'errors']
  return { title: 'Throughput', text: table([...head, ...more], rows) }
}
