import { Counter, Gauge, type Registry } from 'prom-client'
import type { Engine, EngineStats, Operation, Outcome } from '../../index.ts'
import { memoized, SeriesCounter, SeriesHistogram } from './series.ts'

/** From a round trip on one machine to the longest that the client waits by default. */
const SECONDS = [
  0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
]

/** How the servers behind the engine are doing, as seen from here: each operation, each connection. */
export function operationMetrics(registry: Registry, engine: Engine): void {
  const registers = [registry]
  const operations = new SeriesCounter({
    name: 'blobcached_engine_operations_total',
    help: 'What is asked of each memcached, and what comes of it? By outcome: ok, absent, damaged or failed.',
    labelNames: ['server', 'operation', 'outcome'],
    registers,
  })
  const latency = new SeriesHistogram({
    name: 'blobcached_engine_operation_seconds',
    help: 'How long does each memcached take to answer?',
    buckets: SECONDS,
    registers,
  })
  const connected = new Gauge({
    name: 'blobcached_engine_connected',
    help: 'Is there a connection to each memcached? 1 or 0, as of the last time that it came or went.',
    aggregator: 'min',
    labelNames: ['server'],
    registers,
  })
  const connections = new Counter({
    name: 'blobcached_engine_connection_changes_total',
    help: 'How often does the connection to each memcached come and go? By state: up or down.',
    labelNames: ['server', 'state'],
    registers,
  })
  const repaired = new Counter({
    name: 'blobcached_engine_repaired_total',
    help: 'How many copies were missing or wrong on each memcached and were written again?',
    labelNames: ['server'],
    registers,
  })
  const degraded = new Counter({
    name: 'blobcached_engine_degraded_total',
    help: 'How many writes reached fewer memcacheds than they should have?',
    registers,
  })
  const byServer = memoized((server: string) =>
    memoized((operation: Operation) => ({
      latency: latency.series({ server, operation }),
      byOutcome: memoized((outcome: Outcome) => operations.series({ server, operation, outcome })),
    })),
  )
  engine.observe({
    operation(server, operation, outcome, seconds) {
      const series = byServer(server)(operation)
      series.byOutcome(outcome).value++
      series.latency.observe(seconds)
    },
    connection(server, state) {
      connected.set({ server }, state === 'up' ? 1 : 0)
      connections.inc({ server, state })
      if (state === 'up') connections.inc({ server, state: 'down' }, 0)
    },
    repaired: (server) => repaired.inc({ server }),
    degraded: () => degraded.inc(),
  })
}

type Figure = Exclude<keyof EngineStats, 'server' | 'up' | 'version' | 'error'>

const GAUGES: readonly [Figure, string, string][] = [
  [
    'items',
    'items',
    'How many chunks and links does each memcached hold, those of others included?',
  ],
  ['bytes', 'bytes', 'How much of its memory does each memcached use?'],
  ['limitBytes', 'limit_bytes', 'How much memory may each memcached use (-m)?'],
  ['connections', 'connections', 'How many connections does each memcached have, from everywhere?'],
  ['uptimeSeconds', 'uptime_seconds', 'How long has each memcached been running? It starts empty.'],
  ['latencySeconds', 'probe_seconds', 'How long did each memcached take to tell these figures?'],
]

const COUNTERS: readonly [Figure, string, string][] = [
  ['evictions', 'evictions_total', 'How much did each memcached forget for lack of room?'],
  [
    'movedPages',
    'moved_pages_total',
    'How many pages of 1 MiB did each memcached take from one size of values for another?',
  ],
  ['hits', 'hits_total', 'How many gets, of anyone, did each memcached have an answer to?'],
  ['misses', 'misses_total', 'How many gets, of anyone, did each memcached have no answer to?'],
]

/** What the servers tell about themselves; asked when metrics are read. */
export function statsMetrics(registry: Registry, stats: () => Promise<EngineStats[]>): void {
  const registers = [registry]
  const labelNames = ['server']
  const told = async (figure: Figure): Promise<[string, number][]> =>
    (await stats()).flatMap(({ server, [figure]: value }) =>
      value === undefined ? [] : [[server, value] as [string, number]],
    )
  new Gauge({
    name: 'blobcached_engine_up',
    help: 'Does each memcached answer now? 1 or 0.',
    aggregator: 'min',
    labelNames,
    registers,
    async collect() {
      this.reset()
      for (const { server, up } of await stats()) this.set({ server }, up ? 1 : 0)
    },
  })
  for (const [figure, name, help] of GAUGES) {
    new Gauge({
      name: `blobcached_engine_${name}`,
      help,
      aggregator: 'max', // Every process asks the same servers.
      labelNames,
      registers,
      async collect() {
        this.reset()
        for (const [server, value] of await told(figure)) this.set({ server }, value)
      },
    })
  }
  for (const [figure, name, help] of COUNTERS) {
    new Counter({
      name: `blobcached_engine_${name}`,
      help,
      aggregator: 'max', // Every process asks the same servers.
      labelNames,
      registers,
      async collect() {
        this.reset()
        for (const [server, value] of await told(figure)) this.inc({ server }, value)
      },
    })
  }
}
