import type { Context, Middleware } from 'koa'
import { answerProblem, ClientGoneError, type Dialect, HttpProblem, reasonOf } from '../problem.ts'
import type { Connections } from './connections.ts'
import { Exchange, type RequestObserver } from './exchange.ts'
import { framingFault } from './framing.ts'

export interface FollowOptions {
  readonly connections: Connections
  readonly observers: readonly RequestObserver[]
  /** Where the app is for its clients; empty where it is not said. */
  readonly basePath: string
  /** Called with what must never happen; the client gets a 500 without its text. */
  readonly onUnforeseen: (error: unknown) => void
  /** Returns how the client of a request that failed has to be told. */
  readonly dialectOf: (ctx: Context) => Dialect | undefined
  /** Returns the pattern of the route for a request that no handler has named. */
  readonly routeOf: (ctx: Context) => string
}

/**
 * Makes the one `Exchange` of each request, has requests of one connection answered in turn, turns failures
 * into answers with a reason, and tells observers at the end. The outermost middleware.
 */
export function follow(options: FollowOptions): Middleware {
  const { connections, observers, basePath } = options
  return async (ctx, next) => {
    const exchange = new Exchange(ctx, connections.of(ctx.req.socket), observers, basePath)
    ctx.exchange = exchange
    if (connections.isDraining || framingFault(exchange) !== undefined) exchange.endConnection()
    const turn = exchange.turn
    if (turn !== undefined) await turn
    if (exchange.isGone) {
      // Thousands may have been sent ahead: no error for each.
      exchange.cut(undefined)
      return exchange.handled()
    }
    try {
      await next()
      if (ctx.body === undefined && ctx.respond !== false) refuseUnrouted(ctx)
    } catch (error) {
      fail(ctx, error, options)
    } finally {
      if (exchange.route === 'none') exchange.route = options.routeOf(ctx)
      if (!ctx.res.headersSent && !ctx.res.destroyed) {
        const fields = exchange.generalFields
        for (let i = 0; i < fields.length; i += 2) ctx.res.setHeader(fields[i]!, fields[i + 1]!)
        exchange.answering() // Koa answers as soon as this returns.
      }
      exchange.handled()
    }
  }
}

function fail(ctx: Context, error: unknown, { onUnforeseen, dialectOf }: FollowOptions): void {
  const reason = reasonOf(error)
  if (ctx.res.headersSent || ctx.res.destroyed || error instanceof ClientGoneError) {
    ctx.exchange.cut(error instanceof ClientGoneError ? undefined : reason)
    return
  }
  if (reason === 'internal') onUnforeseen(error)
  answerProblem(ctx, error, dialectOf(ctx))
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
