import { readProblem } from '../../api/problem.ts'
import { REASONS, type Reason } from '../../api/reasons.ts'
import type { HttpResponse } from '../../transport.ts'
import { printable } from '../terminal/printable.ts'

/** A request that failed, on the server or on the way to it. */
export class RemoteError extends Error {
  /** The server's `reason`; `unavailable` without a response; `http-<status>` where it has none. */
  readonly reason: string
  /** Whether the same request may succeed later. */
  readonly isTransient: boolean
  /** Whether no answer came, so that the server is down or out of reach. */
  readonly isUnreachable: boolean
  /** Seconds that the server asks to wait. */
  readonly retryAfter: number

  constructor(
    reason: string,
    message: string,
    { isTransient = false, isUnreachable = false, retryAfter = 0, cause }: RemoteErrorDetails = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'RemoteError'
    this.reason = reason
    this.isTransient = isTransient
    this.isUnreachable = isUnreachable
    this.retryAfter = retryAfter
  }

  /** Whether the server answers, and what it needs for this file does not. */
  get isOutage(): boolean {
    return this.reason === ('unavailable' satisfies Reason) && !this.isUnreachable
  }
}

interface RemoteErrorDetails {
  isTransient?: boolean
  isUnreachable?: boolean
  retryAfter?: number
  cause?: unknown
}

/** Bytes of an error's body that are read. */
const MAX_PROBLEM = 64 * 1024

/** Statuses of a server that is down, or of a proxy in front of one. */
const OUTAGES = new Set([502, 503, 504])

/** What statuses of proxies and caches mean, which know none of our reasons. */
const REASON_OF: Record<number, Reason> = {
  401: 'unauthorized',
  403: 'forbidden',
  413: 'too-large',
  416: 'range-not-satisfiable',
}

/** The `RemoteError` for a response that is not a success: its problem, or else its status. */
export async function responseError(
  response: HttpResponse,
  host: string,
  hasToken: boolean,
): Promise<RemoteError> {
  const { statusCode, headers } = response
  const body = await readStart(response)
  const problem = readProblem(body, String(headers['cache-status']))
  const isTransient = OUTAGES.has(statusCode)
  const fallback = isTransient ? 'unavailable' : (REASON_OF[statusCode] ?? `http-${statusCode}`)
  const reason = problem.reason ?? fallback
  const { expected, actual, title, detail = title } = problem
  const isTold = expected !== undefined && actual !== undefined
  const told = isTold ? `${detail} (expected ${expected}, not ${actual})` : detail
  const message = `${told ?? titleOf(problem.reason) ?? meaningOf(response, body, host)}${hintFor(reason, hasToken)}`
  return new RemoteError(printable(reason), printable(message), {
    isTransient,
    retryAfter: Number(headers['retry-after']) || 0,
  })
}

/** What a reason means, where an answer to HEAD has no more than that. */
function titleOf(reason: string | undefined): string | undefined {
  const isKnown = reason !== undefined && Object.hasOwn(REASONS, reason)
  return isKnown ? REASONS[reason as Reason].title : undefined
}

/** Says what to do, where the command line knows. */
function hintFor(reason: string, hasToken: boolean): string {
  if (reason !== ('unauthorized' satisfies Reason)) return ''
  if (hasToken) return '; the token that was sent is not one of its tokens'
  return '; give one with --token-file, --token or BLOBCACHED_TOKEN'
}

/** What an answer means that has no problem in it. */
function meaningOf({ statusCode, headers }: HttpResponse, body: string, host: string): string {
  if (statusCode < 400) {
    return `${host} redirects to ${String(headers.location)}; name that with --server if you trust it`
  }
  if (statusCode === 407) return 'the proxy wants credentials: http://user:password@proxy:3128'
  if (/plain HTTP .*HTTPS port/.test(body)) return `${host} speaks https: https://${host}`
  return `${host} answered with status ${statusCode}`
}

/** Reads what a problem has at most; the status is known, so a body that is cut changes nothing. */
async function readStart(response: HttpResponse): Promise<string> {
  return readText(response, MAX_PROBLEM).catch(() => '')
}

/** Reads the body as text. @throws {RemoteError} when it has more than `limit` bytes. */
export async function readText(response: HttpResponse, limit: number): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length
    if (length > limit) throw new RemoteError('too-large', 'the answer does not end')
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

/** Whether the server answers, and what it needs for this file does not; for others it may. */
export function isOutage(error: unknown): boolean {
  return error instanceof RemoteError && error.isOutage
}
