import { Gauge, type Registry } from 'prom-client'
import type { FetchOutcome, Origin } from '../../origin/index.ts'
import { memoized, SeriesCounter, SeriesHistogram } from './series.ts'

/** From a server on the same network to a large file from far away. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
/** Told as 0 before they happen, so that the first time shows as an increase. */
const OUTCOMES: FetchOutcome[] = ['content', 'unchanged', 'absent', 'failed', 'timeout', 'aborted']

/** What becomes of fetches from the origin. */
export function originMetrics(registry: Registry, origin: Origin): void {
  const registers = [registry]
  const fetches = new SeriesCounter({
    name: 'blobcached_origin_fetches_total',
    help: 'How is the origin doing? Fetches by outcome: content, unchanged, absent, failed, timeout, or aborted when no client waited any more.',
    labelNames: ['outcome'],
    registers,
  })
  const seconds = new SeriesHistogram({
    name: 'blobcached_origin_fetch_seconds',
    help: 'How long do fetches from the origin take until their last byte?',
    buckets: SECONDS,
    registers,
  })
  const received = new SeriesCounter({
    name: 'blobcached_origin_received_bytes_total',
    help: 'How much comes from the origin, headers not included?',
    registers,
  })
  new Gauge({
    name: 'blobcached_origin_fetches_under_way',
    help: 'How many fetches from the origin are under way now?',
    registers,
    collect() {
      this.set(origin.underWay)
    },
  })
  const bytes = received.series({})
  const byOutcome = memoized((outcome: FetchOutcome) => ({
    count: fetches.series({ outcome }),
    seconds: seconds.series({ outcome }),
  }))
  for (const outcome of OUTCOMES) byOutcome(outcome)
  origin.observe({
    fetched(outcome, facts) {
      const series = byOutcome(outcome)
      series.count.value++
      series.seconds.observe(facts.seconds)
      bytes.value += facts.bytes
    },
  })
}
