import type { Context, Middleware } from 'koa'
import { cacheStatusOf, type ProblemJson, problemJson } from '../api/problem.ts'
import { REASONS, type Reason } from '../api/reasons.ts'
import { BlobcachedError, UnavailableError } from '../index.ts'
import { ClientGoneError } from './signal.ts'

/** An answer that only HTTP can give; the rest comes from the library's errors. */
export class HttpProblem extends Error {
  readonly reason: Reason
  readonly headers: Readonly<Record<string, string | string[]>>

  constructor(reason: Reason, detail: string, headers: HttpProblem['headers'] = {}) {
    super(detail)
    this.name = 'HttpProblem'
    this.reason = reason
    this.headers = headers
  }
}

/** How the clients of one protocol have to be told of a problem, where our own way confuses them. */
export interface Dialect {
  /** The status in place of the reason's own. */
  statusOf(reason: Reason, method: string): number | undefined
  /** The detail as text/plain, in place of application/problem+json. */
  readonly isPlainText?: boolean
}

/**
 * Turns whatever goes wrong below into an answer with a reason, in body and headers.
 * @param dialectOf Called with the request that went wrong.
 */
export function problems(
  onUnforeseen: (error: unknown, ctx: Context) => void,
  dialectOf: (ctx: Context) => Dialect | undefined = () => undefined,
): Middleware {
  return async (ctx, next) => {
    try {
      await next()
      if (ctx.body === undefined && ctx.respond !== false) refuseUnrouted(ctx)
    } catch (error) {
      if (ctx.res.headersSent || ctx.res.destroyed) {
        if (!(error instanceof ClientGoneError)) noteLost(ctx, error)
        ctx.res.destroy()
        return
      }
      if (reasonOf(error) === 'internal') onUnforeseen(error, ctx)
      answerProblem(ctx, error, dialectOf(ctx))
    }
  }
}

/** For the log and the metrics: the client cannot be told any more. What was not promised is not cut. */
function noteLost(ctx: Context, error: unknown): void {
  ctx.state.isCut = ctx.res.headersSent
  ctx.state.reason = reasonOf(error)
}

/** What the router leaves without a body when no route of it fits. */
function refuseUnrouted(ctx: Context): void {
  if (ctx.status === 404) {
    throw new HttpProblem('no-such-route', `there is nothing at ${ctx.path.slice(0, 200)}`)
  }
  if (ctx.status === 405 || ctx.status === 501) {
    const allowed = String(ctx.response.get('Allow'))
    throw new HttpProblem('method-not-allowed', `this path takes ${allowed}`)
  }
}

export function answerProblem(ctx: Context, error: unknown, dialect?: Dialect): void {
  const problem = problemOf(error)
  problem.status = dialect?.statusOf(problem.reason, ctx.method) ?? problem.status
  for (const name of ctx.res.getHeaderNames()) {
    if (READ_HEADERS.has(name)) ctx.remove(name)
  }
  if (error instanceof HttpProblem) ctx.set(error.headers)
  if (error instanceof UnavailableError && problem.status === REASONS.unavailable.status) {
    ctx.set('Retry-After', String(Math.ceil(error.retryAfter)))
  }
  ctx.set('Cache-Control', 'no-store')
  // RFC 9211: the only way to tell a HEAD request why.
  ctx.set('Cache-Status', cacheStatusOf(problem.reason))
  ctx.state.reason = problem.reason
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

/** What describes a file must not describe the answer that there is none. */
const READ_HEADERS = new Set([
  'etag',
  'last-modified',
  'repr-digest',
  'digest',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-range',
  'accept-ranges',
  'content-length',
  'location',
])

export function problemOf(error: unknown): ProblemJson {
  const reason = reasonOf(error)
  const problem = problemJson(reason)
  if (reason !== 'internal') problem.detail = (error as Error).message
  if (error instanceof BlobcachedError) {
    if (error.expected !== undefined) problem.expected = error.expected
    if (error.actual !== undefined) problem.actual = error.actual
  }
  return problem
}

export function reasonOf(error: unknown): Reason {
  if (error instanceof BlobcachedError) return error.code
  return error instanceof HttpProblem ? error.reason : 'internal'
}
