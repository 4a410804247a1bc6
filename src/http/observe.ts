import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Context, Middleware } from 'koa'
import { requestId, traceId } from './request-id.ts'

/** What is known of a request when it is over. */
export interface Exchange {
  id: string
  traceId: string | undefined
  method: string
  /** The pattern of the route, `none` when there is no such route. */
  route: string
  /** Without the query. */
  path: string
  client: string | undefined
  /** 499 when the client left before there was a status. */
  status: number
  /** Of an answer that is a problem. */
  reason: string | undefined
  /** Whether the stored content that was asked for could be served. */
  isHit: boolean
  /** `cut` when bytes were lost after they had been promised. */
  end: 'whole' | 'client-gone' | 'cut'
  /** As they went over the connection, headers included. */
  bytesIn: number
  bytesOut: number
  /** From when the request was read until its answer's headers were sent. */
  headersSeconds: number | undefined
  /** From when the request was read until its answer was through. */
  seconds: number
}

/** Told of every request; must not throw. */
export interface RequestObserver {
  began?(): void
  ended(exchange: Exchange): void
}

/** RFC 9110 has no status for it; nginx made this one known. */
const CLIENT_CLOSED_REQUEST = 499

/** The routes that fit a path; asked for requests that were answered before they were routed. */
export type Match = (path: string, method: string) => { readonly path: readonly Layer[] }

/** Gives each request its id, and tells the observers when it is over. The outermost middleware. */
export function observe(observers: readonly RequestObserver[], match: Match): Middleware {
  return async (ctx, next) => {
    const { req, res } = ctx
    const id = requestId(req.headers)
    ctx.state.id = id
    res.setHeader('X-Request-Id', id)
    const progress = follow(res)
    const client = req.socket.remoteAddress // It cannot be told any more once the client is gone.
    const over = afterBoth(() => {
      const route = routeOf(ctx, match)
      const exchange = { id, client, route, ...describe(ctx, progress) }
      for (const observer of observers) observer.ended(exchange)
    })
    for (const observer of observers) observer.began?.()
    res.once('close', over)
    try {
      await next()
    } finally {
      over()
    }
  }
}

interface Progress {
  readonly startedAt: number
  headersAt: number | undefined
  isWhole: boolean
}

function follow(res: ServerResponse): Progress {
  const progress: Progress = { startedAt: performance.now(), headersAt: undefined, isWhole: false }
  const { writeHead } = res
  res.writeHead = ((...args: Parameters<typeof writeHead>) => {
    progress.headersAt ??= performance.now()
    return writeHead.apply(res, args)
  }) as typeof writeHead
  // An answer finishes as well when its socket is destroyed with bytes still to send.
  res.prependOnceListener('finish', () => {
    progress.isWhole = !res.req.socket.destroyed
  })
  return progress
}

function describe(ctx: Context, { startedAt, headersAt, isWhole }: Progress) {
  const { req, res, state } = ctx
  return {
    traceId: traceId(req.headers),
    method: req.method!,
    path: ctx.path,
    status: headersAt === undefined ? CLIENT_CLOSED_REQUEST : res.statusCode,
    reason: state.reason as string | undefined,
    isHit: isHit(res),
    end: isWhole ? ('whole' as const) : state.isCut ? ('cut' as const) : ('client-gone' as const),
    ...traffic(req.socket),
    headersSeconds: headersAt === undefined ? undefined : (headersAt - startedAt) / 1000,
    seconds: (performance.now() - startedAt) / 1000,
  }
}

/** Calls `listener` the second time it is called itself: the answer is through, and so is the work. */
function afterBoth(listener: () => void): () => void {
  let calls = 0
  return () => {
    if (++calls === 2) listener()
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
  if (res.statusCode === 304) return true
  return String(res.getHeader('Cache-Status')).startsWith('blobcached; hit')
}

interface Counted {
  read: number
  written: number
}

const counted = new WeakMap<Socket, Counted>()

/** What went over the connection since its last request was over. */
function traffic(socket: Socket): { bytesIn: number; bytesOut: number } {
  const before = counted.get(socket) ?? { read: 0, written: 0 }
  const now = { read: socket.bytesRead, written: socket.bytesWritten }
  counted.set(socket, now)
  return { bytesIn: now.read - before.read, bytesOut: now.written - before.written }
}
