import type { Contender } from './contenders.ts'
import { fill } from './fill.ts'
import { measureRounds } from './rounds.ts'
import { type Effort, type Section, table } from './section.ts'
import { median, round, sizeName } from './statistics.ts'

/** Clients, files and their size: each client has files of its own, but for the last lines. */
const LOADS = [
  [1, 64, 4096],
  [16, 64, 4096],
  [64, 256, 4096],
  [256, 1024, 4096],
  [16, 50_000, 4096],
  [1, 64, 1_000_000],
  [16, 64, 1_000_000],
  [64, 256, 1_000_000],
  [256, 1024, 1_000_000],
  [16, 1, 1_000_000],
  [16, 1, 16_000_000],
] as const

/** Measures throughput, latency and memory by the number of clients and of files. */
export async function clientsSection(
  contenders: readonly Contender[],
  values: { port: number },
  { seconds, sizes }: Effort,
): Promise<Section> {
  const rows: string[][] = []
  for (const [connections, files, size] of LOADS) {
    const { names: paths } = await fill(size, contenders, values, files)
    const job = { size, paths, connections }
    const samples = await measureRounds(contenders, job, { seconds, sizes, rounds: 1 })
    for (const [name, list] of samples) {
      const of = (figure: (sample: (typeof list)[number]) => number) =>
        round(median(list.map(figure)))
      rows.push([
        `${connections} on ${files.toLocaleString('en')} × ${sizeName(size)}`,
        name,
        of((sample) => sample.requestsPerSecond),
        of((sample) => sample.bytesPerSecond / 1e6),
        of((sample) => sample.p50Ms),
        of((sample) => sample.p99Ms),
        of((sample) => sample.rss / 1e6),
        of((sample) => sample.errors),
      ])
    }
    console.error(`measured ${connections} clients of ${sizeName(size)}`)
  }
  const head = ['clients', 'server', 'req/s', 'MB/s', 'p50 ms', 'p99 ms', 'RSS MB', 'errors']
  const text = `Where many clients read one file, they share its fetches.\n\n${table(head, rows)}`
  return { title: 'By number of clients and files', text }
}
