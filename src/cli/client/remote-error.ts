import type { Dispatcher } from 'undici'
import { readProblem } from '../../api/problem.ts'

export type HttpResponse = Dispatcher.ResponseData

/** A request that failed, on the server or on the way to it. */
export class RemoteError extends Error {
  /** The server's `reason`; `unavailable` without a response; `http-<status>` where it has none. */
  readonly reason: string
  /** Whether the same request may succeed later. */
  readonly isTransient: boolean
  /** Seconds that the server asks to wait. */
  readonly retryAfter: number

  constructor(
    reason: string,
    message: string,
    { isTransient = false, retryAfter = 0, cause }: RemoteErrorDetails = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'RemoteError'
    this.reason = reason
    this.isTransient = isTransient
    this.retryAfter = retryAfter
  }
}

interface RemoteErrorDetails {
  isTransient?: boolean
  retryAfter?: number
  cause?: unknown
}

/** Failures of the connection after which another attempt makes sense. */
const TRANSIENT = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
])
/** Failures of the connection that another attempt does not cure. */
const UNREACHABLE = new Set(['ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH'])

/** The `RemoteError` for a failure of the connection; returns any other error as it is. */
export function connectionError(error: unknown, server: string): unknown {
  const code = codeOf(error)
  if (code === undefined || !(TRANSIENT.has(code) || UNREACHABLE.has(code))) return error
  const why = error instanceof Error && error.message !== '' ? error.message : code
  return new RemoteError('unavailable', `no answer from ${server}: ${why}`, {
    isTransient: TRANSIENT.has(code),
    cause: error,
  })
}

/** Node reports several failed addresses as one error that holds the others. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}

/** Bytes of an error's body that are read. */
const MAX_BODY = 64 * 1024

/** Statuses of a server that is down, or of a proxy in front of one. */
const OUTAGES = new Set([502, 503, 504])

/** The `RemoteError` for a response that is not a success: its problem, or else its status. */
export async function responseError(response: HttpResponse, host: string): Promise<RemoteError> {
  const { statusCode, headers } = response
  const problem = readProblem(await readText(response), String(headers['cache-status']))
  const isTransient = OUTAGES.has(statusCode)
  const reason = problem.reason ?? (isTransient ? 'unavailable' : `http-${statusCode}`)
  const message = problem.detail ?? problem.title ?? `${host} answered with status ${statusCode}`
  const { expected, actual } = problem
  const isTold = expected !== undefined && actual !== undefined
  return new RemoteError(
    reason,
    isTold ? `${message} (expected ${expected}, not ${actual})` : message,
    { isTransient, retryAfter: Number(headers['retry-after']) || 0 },
  )
}

async function readText({ body }: HttpResponse): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  try {
    for await (const part of body as AsyncIterable<Buffer>) {
      parts.push(part)
      length += part.length
      if (length > MAX_BODY) break
    }
  } catch {
    // The status is known; a body that is cut short changes nothing.
  }
  return Buffer.concat(parts).toString()
}
