import test from 'ava'
import fc from 'fast-check'
import { AggregatorRegistry, Counter, Histogram, Registry } from 'prom-client'
import { memoized, SeriesCounter, SeriesHistogram } from '../../../src/http/metrics/series.ts'

const BUCKETS = [0.001, 0.01, 0.5, 1, 10]
const LABELS = ['route', 'status'] as const
type Labels = Record<(typeof LABELS)[number], string | number>

const about = { name: 'seconds', help: 'How long?', labelNames: LABELS }

/** Few, so that they come again; with characters that the text has to escape. */
const labels = fc.record({
  route: fc.constantFrom('/files/*name', '/blobs/:hash', 'a "quoted" \\ one\nof two lines'),
  status: fc.constantFrom(200, 404, 499),
})
const value = fc.oneof(
  fc.double({ min: 0, max: 20, noNaN: true }),
  fc.constantFrom(0, ...BUCKETS, 1e9),
)
const observations = fc.array(fc.tuple(labels, value), { maxLength: 60 })
type Observation = readonly [Labels, number]

const keyed = (labels: Labels) => JSON.stringify(labels)

function countersOf(all: readonly Observation[]): { ours: Registry; theirs: Registry } {
  const [ours, theirs] = [new Registry(), new Registry()]
  const our = new SeriesCounter({ ...about, registers: [ours] })
  const their = new Counter({ ...about, registers: [theirs] })
  const series = memoized((key: string) => our.series(JSON.parse(key)))
  for (const [labels, value] of all) {
    series(keyed(labels)).value += value
    their.inc(labels, value)
  }
  return { ours, theirs }
}

function histogramsOf(all: readonly Observation[]): { ours: Registry; theirs: Registry } {
  const [ours, theirs] = [new Registry(), new Registry()]
  const { name, help } = about
  const our = new SeriesHistogram({ name, help, buckets: BUCKETS, registers: [ours] })
  const their = new Histogram({ ...about, buckets: BUCKETS, registers: [theirs] })
  const series = memoized((key: string) => our.series(JSON.parse(key)))
  for (const [labels, value] of all) {
    series(keyed(labels)).observe(value)
    their.observe(labels, value)
  }
  return { ours, theirs }
}

/** What anybody reads of it; prom-client's own has fields beside that which are for itself. */
async function jsonOf(registry: Registry) {
  const metrics = await registry.getMetricsAsJSON()
  return metrics.map(({ name, help, type, aggregator, ...rest }) => {
    const { values } = rest as unknown as { values: Sample[] }
    const samples = values.map(({ metricName, labels, value }) => ({ metricName, labels, value }))
    return { name, help, type, aggregator, samples }
  })
}

interface Sample {
  metricName?: string
  labels: Record<string, string | number>
  value: number
}

for (const [what, make] of [
  ['counter', countersOf],
  ['histogram', histogramsOf],
] as const) {
  test(`a ${what} tells what prom-client's own tells, as text and as JSON`, async (t) => {
    await fc.assert(
      fc.asyncProperty(observations, async (all) => {
        const { ours, theirs } = make(all)
        t.is(await ours.metrics(), await theirs.metrics())
        t.deepEqual(await jsonOf(ours), await jsonOf(theirs))
      }),
    )
  })

  test(`a ${what} of several processes adds up as prom-client's own does`, async (t) => {
    await fc.assert(
      fc.asyncProperty(observations, observations, async (some, others) => {
        const sum = async (side: 'ours' | 'theirs') => {
          const registries = [make(some)[side], make(others)[side]]
          const all = await Promise.all(registries.map((each) => each.getMetricsAsJSON()))
          // As it comes from another process.
          return AggregatorRegistry.aggregate(JSON.parse(JSON.stringify(all))).metrics()
        }
        t.is(await sum('ours'), await sum('theirs'))
      }),
    )
  })

  test(`a ${what} says what it is before anything is told`, async (t) => {
    const { ours, theirs } = make([])
    t.regex(await ours.metrics(), /^# HELP seconds How long\?$/m)
    t.is(await ours.metrics(), await theirs.metrics())
  })
}

test('what is told once cannot be changed by what is counted afterwards', async (t) => {
  const registry = new Registry()
  const counter = new SeriesCounter({ ...about, registers: [registry] })
  const series = counter.series({ route: 'a', status: 1 })
  series.value = 7
  const told = await counter.get()
  series.value = 8
  t.is(told.values[0]!.value, 7)
  t.is((await counter.get()).values[0]!.value, 8)
})

test('memoized makes one thing for each key', (t) => {
  let made = 0
  const make = memoized((key: string) => ({ key, number: ++made }))
  t.is(make('a'), make('a'))
  t.not(make('a'), make('b'))
  t.is(made, 2)
})
