import type { Exchange, RequestObserver } from './exchange.ts'

/** What is used of a logger; one of pino's fits as it is. */
export interface Logger {
  /** Asked before a line is put together. */
  isLevelEnabled(level: 'debug' | 'info' | 'warn' | 'error' | 'fatal'): boolean
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  fatal(fields: object, message: string): void
}

/** Asked every few seconds by machines and open pages: only of interest when they fail. */
const FREQUENT = new Set(['/healthz', '/readyz', '/metrics', '/fleet'])
const MAX_PATH = 500

/** One line a request. */
export function requestLog(logger: Logger): RequestObserver {
  return {
    ended(exchange) {
      const level = levelOf(exchange)
      if (!logger.isLevelEnabled(level)) return
      logger[level](fieldsOf(exchange), 'request')
    },
  }
}

function levelOf({ status, end, route }: Exchange): 'debug' | 'info' | 'warn' | 'error' {
  if (status === 500) return 'error'
  if (status > 500 || end === 'cut') return 'warn'
  return FREQUENT.has(route) && status < 400 ? 'debug' : 'info'
}

/** What is undefined is left out of the line. */
function fieldsOf(exchange: Exchange): object {
  return {
    id: exchange.id,
    traceId: exchange.traceId,
    client: exchange.client,
    method: exchange.method,
    route: exchange.route,
    path: short(exchange.path),
    status: exchange.status,
    reason: exchange.reason,
    detail: exchange.detail,
    cache: exchange.filled,
    end: exchange.end,
    bytesIn: exchange.bytesIn,
    bytesOut: exchange.bytesOut,
    headersMs: milliseconds(exchange.headersSeconds),
    ms: milliseconds(exchange.seconds),
  }
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1e5) / 100
}

function short(path: string): string {
  return path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}…` : path
}
