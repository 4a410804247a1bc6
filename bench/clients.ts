import type { Contender } from './contenders.ts'
import { fill } from './fill.ts'
import { usage } from './processes.ts'
import { type Effort, type Section, table } from './section.ts'
import { round, sizeName } from './statistics.ts'
import { wrk } from './wrk.ts'

/** Measures throughput, latency and memory by the number of clients. */
export async function clientsSection(
  contenders: readonly Contender[],
  values: { port: number },
  { seconds }: Effort,
): Promise<Section> {
  const rows: string[][] = []
  for (const size of [4096, 1_000_000, 16_000_000]) {
    const { names: paths } = await fill(size, contenders, values)
    for (const connections of [1, 4, 16, 64, 256]) {
      for (const contender of contenders) {
        if (size > contender.maxBytes) continue
        const load = { url: contender.url, paths, connections, seconds }
        const result = await wrk(load, size)
        rows.push([
          `${connections} × ${sizeName(size)}`,
          contender.name,
          round(result.requestsPerSecond),
          round(result.bytesPerSecond / 1e6),
          round(result.p50Ms),
          round(result.p99Ms),
          round(usage(contender).rss / 1e6),
          String(result.errors),
        ])
      }
    }
    console.error(`measured clients of ${sizeName(size)}`)
  }
  const head = ['clients', 'server', 'req/s', 'MB/s', 'p50 ms', 'p99 ms', 'RSS MB', 'errors']
  return { title: 'By number of clients', text: table(head, rows) }
}
