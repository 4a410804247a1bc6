import type { ServerResponse } from 'node:http'
import type { Context, Middleware } from 'koa'
import { type Answered, type RequestObserver, Watch } from './exchange.ts'
import { watchOf } from './plain/requests.ts'

/** The routes that fit a path; asked for requests that were answered before they were routed. */
export type Match = (path: string, method: string) => { readonly path: readonly Layer[] }

/** Gives each request its id, and tells the observers when it is over. The outermost middleware. */
export function observe(observers: readonly RequestObserver[], match: Match): Middleware {
  return async (ctx, next) => {
    const { req, res } = ctx
    const watch = watchOf(req) ?? new Watch(req, res, observers)
    ctx.state.id = watch.id
    res.setHeader('X-Request-Id', watch.id)
    watch.noticeHeaders()
    try {
      await next()
    } finally {
      watch.workIsOver(answered(ctx, match))
    }
  }
}

function answered(ctx: Context, match: Match): Answered {
  const { path, res, state } = ctx
  return {
    route: routeOf(ctx, match),
    path,
    reason: state.reason as string | undefined,
    isHit: isHit(res),
    isCut: state.isCut === true,
  }
}

/** What the router notes of each route that fits the path. */
interface Layer {
  readonly name?: string | undefined
  readonly path: string | RegExp
  readonly methods: readonly string[]
}

/** Bounded by the number of routes, whatever paths are asked for. */
function routeOf(ctx: Context, match: Match): string {
  const { matched = match(ctx.path, ctx.method).path } = ctx as { matched?: readonly Layer[] }
  const layer = matched.find(({ methods }) => methods.includes(ctx.method)) ?? matched[0]
  return layer === undefined ? 'none' : (layer.name ?? String(layer.path))
}

/** RFC 9211: every answer that carries stored content says so. */
function isHit(res: ServerResponse): boolean {
  if (res.destroyed && !res.headersSent) return false
  if (res.statusCode === 304) return true
  return String(res.getHeader('Cache-Status')).startsWith('blobcached; hit')
}
