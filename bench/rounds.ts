import type { Contender } from './contenders.ts'
import { usage } from './processes.ts'
import type { Effort } from './section.ts'
import { type LoadResult, wrk } from './wrk.ts'

/** What all contenders are asked for. */
export interface Job {
  /** Bytes of a file. */
  size: number
  paths: readonly string[]
  connections: number
  /** Whether files are uploaded, each with a body of its own. */
  isUpload?: boolean
}

/** One round of one contender. */
export interface Sample extends LoadResult {
  /** Seconds of the server, without memcached. */
  cpuPerRequest: number
  rss: number
}

/**
 * Measures the contenders in turn in each round, so that a slow minute affects all alike: the first figures of
 * all are of the same minute, and so on. A round before the first one is a warm-up.
 */
export async function measureRounds(
  contenders: readonly Contender[],
  job: Job,
  { seconds, rounds }: Effort,
): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>()
  const able = contenders.filter(({ maxBytes }) => job.size <= maxBytes)
  // Several requests of this size must finish in a round.
  const length = job.size > 100_000_000 ? Math.max(seconds, 5) : seconds
  for (let round = 0; round <= rounds; round++) {
    for (const contender of able) {
      const sample = await measure(contender, job, length)
      if (round > 0) samples.set(contender.name, [...(samples.get(contender.name) ?? []), sample])
    }
  }
  return samples
}

async function measure(contender: Contender, job: Job, seconds: number): Promise<Sample> {
  const { size, paths, connections, isUpload = false } = job
  const before = usage(contender).cpu
  const upload = isUpload ? { putBytes: size } : {}
  const result = await wrk({ url: contender.url, paths, connections, seconds, ...upload }, size)
  const { cpu, rss } = usage(contender)
  return { ...result, cpuPerRequest: (cpu - before) / (result.requestsPerSecond * seconds), rss }
}

/** Connections for files of a size: as many as keep the cores busy, few enough for the memory of all. */
export function connectionsFor(size: number): number {
  return size > 100_000_000 ? 2 : size > 4_000_000 ? 8 : 16
}
