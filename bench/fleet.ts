import { type Contender, startBlobcached, startMemcached } from './contenders.ts'
import { fill } from './fill.ts'
import { connectionsFor, measureRounds } from './rounds.ts'
import { type Effort, type Section, table } from './section.ts'
import { median, round, sizeName, spread } from './statistics.ts'

/** Measures what several memcacheds, copies and other protocols cost: the same server with other settings. */
export async function fleetSection(effort: Effort): Promise<Section> {
  const running = await Promise.all([1024, 1024, 1024, 1024].map(startMemcached))
  const [alone, ...three] = running.map(({ port }) => `127.0.0.1:${port}`)
  const base = 'one memcached'
  const contenders: Contender[] = [
    await startBlobcached(base, alone!),
    await startBlobcached('one, meta', alone!, ['--memcached-protocol', 'meta']),
    await startBlobcached('one, text', alone!, ['--memcached-protocol', 'text']),
    await startBlobcached('three', three.join(',')),
    await startBlobcached('three, 2 copies', three.join(','), ['--replicas', '2']),
  ]
  const rows: string[][] = []
  try {
    for (const size of [4096, 1_000_000, 16_000_000]) {
      const { names } = await fill(size, contenders)
      for (const operation of ['GET', 'PUT'] as const) {
        const isUpload = operation === 'PUT'
        const paths = isUpload ? names.map((name) => `${name}.put`) : names
        const job = { size, paths, connections: connectionsFor(size), isUpload }
        const samples = await measureRounds(contenders, job, effort)
        const rates = samples.get(base)!.map(({ requestsPerSecond }) => requestsPerSecond)
        for (const [name, list] of samples) {
          rows.push([
            `${operation}, ${sizeName(size)}`,
            name,
            spread(list.map(({ requestsPerSecond }, index) => requestsPerSecond / rates[index]!)),
            round(median(list.map(({ requestsPerSecond }) => requestsPerSecond))),
            round(median(list.map(({ p99Ms }) => p99Ms))),
            round(median(list.map(({ cpuPerRequest }) => cpuPerRequest * 1e6))),
            String(list.reduce((sum, { errors }) => sum + errors, 0)),
          ])
        }
        console.error(`measured ${operation} of ${sizeName(size)} on fleets`)
      }
    }
  } finally {
    for (const each of [...contenders, ...running]) await each.stop()
  }
  const head = ['', 'servers', '÷ one', 'req/s', 'p99 ms', 'CPU µs/req', 'errors']
  return { title: 'Fleets and protocols', text: table(head, rows) }
}
