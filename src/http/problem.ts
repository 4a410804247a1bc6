import type { Context } from 'koa'
import { cacheStatusOf, type ProblemJson, problemJson } from '../api/problem.ts'
import { REASONS, type Reason } from '../api/reasons.ts'
import {
  BlobcachedError,
  CorruptError,
  EvictedError,
  NotFoundError,
  UnavailableError,
} from '../index.ts'
import { OriginError } from '../origin/index.ts'

/** An answer that only HTTP can give; the rest comes from the library's errors. */
export class HttpProblem extends Error {
  readonly reason: Reason
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly missing: readonly string[] | undefined

  /** @param missing Hashes that the problem is about, where a list was asked for. */
  constructor(
    reason: Reason,
    detail: string,
    headers: HttpProblem['headers'] = {},
    missing?: readonly string[],
  ) {
    super(detail)
    this.name = 'HttpProblem'
    this.reason = reason
    this.headers = headers
    this.missing = missing
  }
}

/** The client closed its connection; there is no one to answer. */
export class ClientGoneError extends Error {
  readonly code = 'client-gone'

  constructor() {
    super('the client closed its connection')
    this.name = 'ClientGoneError'
  }
}

/** How the clients of one protocol have to be told of a problem, where our own way confuses them. */
export interface Dialect {
  /** The status in place of the reason's own. */
  statusOf(reason: Reason, method: string): number | undefined
  /** The detail as text/plain, in place of application/problem+json. */
  readonly isPlainText?: boolean
}

export function answerProblem(ctx: Context, error: unknown, dialect?: Dialect): void {
  const problem = problemOf(error)
  // A 500 has a line of its own.
  if (problem.status > 500) ctx.exchange.detail = (error as Error).message
  problem.status = dialect?.statusOf(problem.reason, ctx.method) ?? problem.status
  if (error instanceof HttpProblem) ctx.set(error.headers)
  if (error instanceof UnavailableError && problem.status === REASONS.unavailable.status) {
    ctx.set('Retry-After', String(Math.ceil(error.retryAfter)))
  }
  if (error instanceof OriginError && error.retryAfter !== undefined) {
    ctx.set('Retry-After', String(Math.ceil(error.retryAfter)))
  }
  ctx.set('Cache-Control', 'no-store')
  // RFC 9211: the only way to tell a HEAD request why.
  ctx.set('Cache-Status', cacheStatusOf(problem.reason))
  ctx.exchange.reason = problem.reason
  ctx.status = problem.status
  if (dialect?.isPlainText) answerPlainText(ctx, problem)
  else answerJson(ctx, problem)
}

function answerJson(ctx: Context, problem: ProblemJson): void {
  ctx.body = JSON.stringify(problem)
  ctx.type = 'application/problem+json'
}

/** Without a charset, which some clients compare along with the type and Koa adds to `ctx.type`. */
function answerPlainText(ctx: Context, { title, detail = title }: ProblemJson): void {
  ctx.set('Content-Type', 'text/plain')
  ctx.body = detail
}

export function problemOf(error: unknown): ProblemJson {
  const reason = reasonOf(error)
  const problem = problemJson(reason)
  if (reason !== 'internal') problem.detail = detailOf(error as Error)
  if (error instanceof BlobcachedError) {
    if (error.expected !== undefined) problem.expected = error.expected
    if (error.actual !== undefined) problem.actual = error.actual
  }
  if (error instanceof HttpProblem && error.missing) problem.missing = [...error.missing]
  return problem
}

/** What came from memcached names servers, which is not for everyone who may ask. */
function detailOf(error: Error): string {
  const isFromBehind = error instanceof UnavailableError && error.cause !== undefined
  return isFromBehind ? 'the cache behind this server does not answer' : error.message
}

/** There is no such file, or it cannot be served as it is. */
export type LostError = NotFoundError | EvictedError | CorruptError

export function isLost(error: unknown): error is LostError {
  return [NotFoundError, EvictedError, CorruptError].some((kind) => error instanceof kind)
}

export function reasonOf(error: unknown): Reason {
  if (error instanceof BlobcachedError) return error.code
  if (error instanceof OriginError) return error.reason
  return error instanceof HttpProblem ? error.reason : 'internal'
}
