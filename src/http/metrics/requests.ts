import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Exchange, RequestObserver } from '../observe.ts'

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS'])
/** From a hit in memory on this machine to a large file over a slow line. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** Reasons for which content that was asked for was not served. */
const MISSES = new Set(['not-found', 'evicted', 'corrupt', 'unavailable'])
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
  const labelNames = ['route', 'method']
  const requests = new Counter({
    name: 'blobcached_http_requests_total',
    help: 'How many requests were there, and how did they end? By route, method and status; 499 is a client that left before the answer.',
    labelNames: [...labelNames, 'status'],
    registers,
  })
  const headers = new Histogram({
    name: 'blobcached_http_headers_seconds',
    help: 'How long does a client wait for the first byte of an answer? All that an answer promises is verified by then.',
    labelNames,
    buckets: SECONDS,
    registers,
  })
  const total = new Histogram({
    name: 'blobcached_http_request_seconds',
    help: 'How long do requests take until the last byte is sent, slow clients included?',
    labelNames,
    buckets: SECONDS,
    registers,
  })
  const received = new Counter({
    name: 'blobcached_http_received_bytes_total',
    help: 'How much comes in, headers included?',
    labelNames: ['route'],
    registers,
  })
  const sent = new Counter({
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
  const reads = new Counter({
    name: 'blobcached_reads_total',
    help: 'Is the cache any good? Requests for stored content by outcome: hit, not-found, evicted, corrupt or unavailable.',
    labelNames: ['outcome'],
    registers,
  })
  for (const outcome of ['hit', ...MISSES]) reads.inc({ outcome }, 0)
  for (const end of ['client-gone', 'cut']) cut.inc({ end }, 0)

  return {
    began() {
      answering++
    },
    ended(exchange) {
      const { route, status, reason, end, bytesIn, bytesOut, headersSeconds, seconds } = exchange
      const method = METHODS.has(exchange.method) ? exchange.method : 'other'
      answering--
      requests.inc({ route, method, status })
      if (headersSeconds !== undefined) headers.observe({ route, method }, headersSeconds)
      total.observe({ route, method }, seconds)
      received.inc({ route }, bytesIn)
      sent.inc({ route }, bytesOut)
      if (end !== 'whole') cut.inc({ end })
      if (reason === 'internal') unforeseen.inc()
      const outcome = outcomeOfRead(exchange)
      if (outcome !== undefined) reads.inc({ outcome })
    },
  }
}

function outcomeOfRead({ method, route, isHit, reason }: Exchange): string | undefined {
  if ((method !== 'GET' && method !== 'HEAD') || NOT_CONTENT.has(route)) return undefined
  if (isHit) return 'hit'
  return reason !== undefined && MISSES.has(reason) ? reason : undefined
}
