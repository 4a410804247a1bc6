import { Counter, Gauge, type Registry } from 'prom-client'
import type { Exchange, RequestObserver } from '../exchange/exchange.ts'
import { memoized, SeriesCounter, SeriesHistogram } from './series.ts'

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS'])
/** From a hit in memory on this machine to a large file over a slow line. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** Reasons for which content that was asked for was not served. */
const MISSES = new Set(['not-found', 'evicted', 'corrupt', 'unavailable'])
/** Those that only an origin can give. */
const ORIGIN_FAILURES = new Set(['origin-failed', 'origin-timeout'])
const NOT_CONTENT = new Set([
  '/',
  '/assets/:file',
  '/fleet',
  '/healthz',
  '/metrics',
  '/openapi.json',
  '/readyz',
])

/** How many requests there are, how they end, how long they take and what they weigh. */
export function requestMetrics(registry: Registry): RequestObserver {
  const registers = [registry]
  const requests = new SeriesCounter({
    name: 'blobcached_http_requests_total',
    help: 'How many requests were there, and how did they end? By route, method and status; 499 is a client that left before the answer.',
    labelNames: ['route', 'method', 'status'],
    registers,
  })
  const headers = new SeriesHistogram({
    name: 'blobcached_http_headers_seconds',
    help: 'How long does a client wait for the first byte of an answer? All that an answer promises is verified by then.',
    buckets: SECONDS,
    registers,
  })
  const total = new SeriesHistogram({
    name: 'blobcached_http_request_seconds',
    help: 'How long do requests take until the last byte is sent, slow clients included?',
    buckets: SECONDS,
    registers,
  })
  const received = new SeriesCounter({
    name: 'blobcached_http_received_bytes_total',
    help: 'How much comes in, headers included?',
    labelNames: ['route'],
    registers,
  })
  const sent = new SeriesCounter({
    name: 'blobcached_http_sent_bytes_total',
    help: 'How much goes out, headers included?',
    labelNames: ['route'],
    registers,
  })
  const cut = new Counter({
    name: 'blobcached_http_incomplete_total',
    help: 'How many answers did not get through? By end: client-gone when the client left, cut when promised bytes were lost on the way.',
    labelNames: ['end'],
    registers,
  })
  const unforeseen = new Counter({
    name: 'blobcached_http_unforeseen_total',
    help: 'Is there a mistake in blobcached? Answers with status 500; the log has the stack of each.',
    registers,
  })
  let answering = 0
  new Gauge({
    name: 'blobcached_http_requests_under_way',
    help: 'How many requests are being answered now?',
    registers,
    collect() {
      this.set(answering)
    },
  })
  const reads = new SeriesCounter({
    name: 'blobcached_reads_total',
    help: 'Is the cache any good? Requests for stored content by outcome: hit, not-found, evicted, corrupt or unavailable; with an origin also filled, healed, collapsed, renewed, stale, passed, origin-failed or origin-timeout.',
    labelNames: ['outcome'],
    registers,
  })
  const readsBy = memoized((outcome: string) => reads.series({ outcome }))
  for (const outcome of ['hit', ...MISSES]) readsBy(outcome)
  for (const end of ['client-gone', 'cut']) cut.inc({ end }, 0)

  const byRoute = memoized((route: string) => ({
    received: received.series({ route }),
    sent: sent.series({ route }),
    byMethod: memoized((method: string) => ({
      headers: headers.series({ route, method }),
      total: total.series({ route, method }),
      byStatus: memoized((status: number) => requests.series({ route, method, status })),
    })),
  }))

  return {
    began() {
      answering++
    },
    ended(exchange) {
      const { status, reason, end, headersSeconds } = exchange
      const route = byRoute(exchange.route)
      const method = route.byMethod(METHODS.has(exchange.method) ? exchange.method : 'other')
      answering--
      method.byStatus(status).value++
      if (headersSeconds !== undefined) method.headers.observe(headersSeconds)
      method.total.observe(exchange.seconds)
      route.received.value += exchange.bytesIn
      route.sent.value += exchange.bytesOut
      if (end !== 'whole') cut.inc({ end })
      if (reason === 'internal') unforeseen.inc()
      const outcome = outcomeOfRead(exchange)
      if (outcome !== undefined) readsBy(outcome).value++
    },
  }
}

function outcomeOfRead({ method, route, isHit, filled, reason }: Exchange): string | undefined {
  if ((method !== 'GET' && method !== 'HEAD') || NOT_CONTENT.has(route)) return undefined
  if (isHit) return filled ?? 'hit'
  const isKnown = reason !== undefined && (MISSES.has(reason) || ORIGIN_FAILURES.has(reason))
  return isKnown ? reason : undefined
}
