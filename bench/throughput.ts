import type { Contender } from './contenders.ts'
import { type Files, fill } from './fill.ts'
import { usage } from './processes.ts'
import { type Effort, type Section, table } from './section.ts'
import { median, round, sizeName } from './statistics.ts'
import { type LoadResult, wrk } from './wrk.ts'

export type Operation = 'GET by name' | 'GET by hash' | 'PUT'
const OPERATIONS: readonly Operation[] = ['GET by name', 'GET by hash', 'PUT']

/** Medians of the rounds. */
export interface Measured {
  operation: Operation
  size: number
  contender: string
  requestsPerSecond: number
  bytesPerSecond: number
  p50Ms: number
  p99Ms: number
  /** CPU seconds of the server, without memcached, for a gigabyte of bodies. */
  cpuPerGigabyte: number
  errors: number
}

/** Measures the contenders in turn in each round, so that a slow minute affects all alike. */
export async function measureThroughput(
  contenders: readonly Contender[],
  values: { port: number },
  { sizes, seconds, rounds }: Effort,
): Promise<Measured[]> {
  const all: Measured[] = []
  for (const size of sizes) {
    const files = await fill(size, contenders, values)
    for (const operation of OPERATIONS) {
      const samples = new Map<Contender, Sample[]>()
      // Several requests of this size must finish in a round.
      const length = size > 100_000_000 ? Math.max(seconds, 10) : seconds
      // Round 0 is a warm-up and is not counted.
      for (let round = 0; round <= rounds; round++) {
        for (const contender of contenders) {
          const paths = pathsFor(contender, operation, files)
          if (paths === undefined || size > contender.maxBytes) continue
          const sample = await measure(contender, paths, operation, size, length)
          if (round > 0) samples.set(contender, [...(samples.get(contender) ?? []), sample])
        }
      }
      for (const [{ name }, list] of samples) all.push(summarize(name, operation, size, list))
      console.error(`measured ${operation} of ${sizeName(size)}`)
    }
  }
  return all
}

type Sample = LoadResult & { cpuPerGigabyte: number }

async function measure(
  contender: Contender,
  paths: readonly string[],
  operation: Operation,
  size: number,
  seconds: number,
): Promise<Sample> {
  const before = usage(contender).cpu
  const connections = size > 100_000_000 ? 2 : size > 4_000_000 ? 8 : 16
  const upload = operation === 'PUT' ? { putBytes: size } : {}
  const result = await wrk({ url: contender.url, paths, connections, seconds, ...upload }, size)
  const gigabytes = (result.requestsPerSecond * seconds * size) / 1e9
  return { ...result, cpuPerGigabyte: (usage(contender).cpu - before) / gigabytes }
}

/** Returns `undefined` when the contender lacks the operation. */
function pathsFor(
  { kind }: Contender,
  operation: Operation,
  { names, hashes }: Files,
): readonly string[] | undefined {
  if (operation === 'PUT') return kind === 'nginx' ? undefined : names.map((name) => `${name}.put`)
  if (operation === 'GET by hash') return kind === 'blobcached' ? hashes : undefined
  return names
}

function summarize(
  contender: string,
  operation: Operation,
  size: number,
  samples: readonly Sample[],
): Measured {
  const of = (figure: (sample: Sample) => number) => median(samples.map(figure))
  return {
    operation,
    size,
    contender,
    requestsPerSecond: of((sample) => sample.requestsPerSecond),
    bytesPerSecond: of((sample) => sample.bytesPerSecond),
    p50Ms: of((sample) => sample.p50Ms),
    p99Ms: of((sample) => sample.p99Ms),
    cpuPerGigabyte: of((sample) => sample.cpuPerGigabyte),
    errors: samples.reduce((sum, sample) => sum + sample.errors, 0),
  }
}

export function throughputSection(all: readonly Measured[]): Section {
  const find = (operation: Operation, size: number, contender: string) =>
    all.find((m) => m.operation === operation && m.size === size && m.contender === contender)
  const rows = all.map((m) => {
    const isRead = m.operation !== 'PUT'
    const nginx = isRead && find('GET by name', Math.min(m.size, 1_000_000), 'nginx')
    const redis = find(isRead ? 'GET by name' : 'PUT', m.size, 'Redis + ioredis')
    const against = (peer: Measured | undefined | false) => {
      if (!peer) return '–'
      // Small files are compared by requests, large ones by bytes.
      const figure = m.size < 1_000_000 ? 'requestsPerSecond' : 'bytesPerSecond'
      return round(m[figure] / peer[figure])
    }
    return [
      `${m.operation}, ${sizeName(m.size)}`,
      m.contender,
      round(m.requestsPerSecond),
      round(m.bytesPerSecond / 1e6),
      round(m.p50Ms),
      round(m.p99Ms),
      round(m.cpuPerGigabyte),
      against(nginx),
      against(redis),
      String(m.errors),
    ]
  })
  const head = [
    '',
    'server',
    'req/s',
    'MB/s',
    'p50 ms',
    'p99 ms',
    'CPU s/GB',
    '÷ nginx',
    '÷ Redis',
    'errors',
  ]
  return { title: 'Throughput', text: table(head, rows) }
}
