import Router from '@koa/router'
import Koa, { type Middleware } from 'koa'
import { type FileStore, InvalidArgumentError } from '../index.ts'
import { type NamesOf, refuseUnknown } from '../known-names.ts'
import { Origin, type OriginOptions } from '../origin/index.ts'
import { BLOBS_ROUTE, content, FILES_ROUTE } from './content/content.ts'
import { checkBasePath } from './exchange/base-path.ts'
import { Connections } from './exchange/connections.ts'
import { follow } from './exchange/follow.ts'
import { type Logger, requestLog } from './exchange/log.ts'
import { withOwnAnswers } from './exchange/own-answers.ts'
import { originLog } from './filling/log.ts'
import { FilledReads } from './filling/reads.ts'
import { type AccessOptions, needsToken } from './guard/authorize.ts'
import { crossOrigin } from './guard/cors.ts'
import { type GuardOptions, guard } from './guard/guard.ts'
import { hostCheck } from './guard/host.ts'
import { Metrics, type MetricsOptions } from './metrics/metrics.ts'
import { blobRoutes } from './routes/blobs.ts'
import { buildDialect, buildRoutes } from './routes/build/index.ts'
import { fileRoutes } from './routes/files.ts'
import { fleetRoutes } from './routes/fleet.ts'
import { healthRoutes } from './routes/health.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { openApiRoutes } from './routes/openapi.ts'
import { pageRoutes } from './routes/page.ts'
import { webdavRoutes } from './routes/webdav.ts'

export interface AppOptions extends GuardOptions {
  /** Gets one line a request. Default none. */
  logger?: Logger | undefined
  metrics?: MetricsOptions | undefined
  /** Where GET and HEAD of files and blobs find what the store cannot serve. Default: nowhere. */
  origin?: OriginOptions | undefined
  /**
   * The path that clients reach the app below, such as `/cache`, where a proxy or a framework leads there: answers
   * name paths with it. It is taken off where it comes with requests. Default: what Koa or Express has mounted the
   * app at.
   */
  basePath?: string | undefined
  /** True from when the server stops taking new work. */
  isDraining?: (() => boolean) | undefined
  /** The connections of the server that the app answers for. Default: watched by none. */
  connections?: Connections | undefined
  /**
   * Called with what should never happen; the client gets a 500 without its text. Default: the
   * logger gets it, or standard error.
   */
  onError?: ((error: unknown) => void) | undefined
}

export const APP_OPTIONS: NamesOf<AppOptions> = {
  access: true,
  allowedHosts: true,
  corsOrigins: true,
  maxUploads: true,
  logger: true,
  metrics: true,
  origin: true,
  basePath: true,
  isDraining: true,
  connections: true,
  onError: true,
}
const ACCESS_OPTIONS: NamesOf<AccessOptions> = { tokens: true, readTokens: true, publicRead: true }

/** @throws {InvalidArgumentError} unless these are a store and options that exist. */
export function checkArguments<T extends AppOptions>(
  where: string,
  store: unknown,
  options: T,
  known: NamesOf<T>,
): void {
  if (typeof (store as FileStore | undefined)?.find !== 'function') {
    throw new InvalidArgumentError(`${where} takes a store: new FileStore(memory())`, {
      expected: 'a FileStore',
      actual: typeof store,
    })
  }
  refuseUnknown(where, options, known)
  if (options.access) refuseUnknown(`${where}, access`, options.access, ACCESS_OPTIONS)
}

/**
 * Creates the routes of docs/http.md over a store. Middleware that is added with `use` sees every request,
 * after it got its id and before anything else looks at it.
 * @throws {InvalidArgumentError} for an option that can never work.
 */
export function createApp(store: FileStore, options: AppOptions = {}): Koa {
  checkArguments('createApp', store, options, APP_OPTIONS)
  return appOf(store, options)
}

/** As `createApp`, of options that were checked. */
export function appOf(store: FileStore, options: AppOptions): Koa {
  const { access = {}, allowedHosts = [], corsOrigins = [], logger } = options
  const { isDraining = () => false } = options
  const basePath = checkBasePath(options.basePath ?? '')
  const { connections = new Connections(), onError = logErrors(logger) } = options
  const origin = options.origin && new Origin(options.origin)
  const metrics = new Metrics(store, origin, options.metrics)
  const observers = logger ? [metrics.requests, requestLog(logger)] : [metrics.requests]
  if (origin && logger) origin.observe(originLog(logger))
  const files = content(store, origin && new FilledReads(store, origin))
  const router = new Router({ sensitive: true, strict: true })
  // `content` has answered these by then, or passed them on: here they are named for Allow.
  for (const path of [FILES_ROUTE, BLOBS_ROUTE]) router.register(path, CONTENT_METHODS, files)
  fileRoutes(router, store)
  blobRoutes(router, store)
  healthRoutes(router, store, isDraining)
  webdavRoutes(router, store)
  buildRoutes(router, store)
  fleetRoutes(router, store)
  pageRoutes(router)
  metricsRoutes(router, metrics)
  openApiRoutes(router)

  const routes = [router.routes(), router.allowedMethods()] as Middleware[]
  const inner = [guard(options), files, ...routes]
  if (corsOrigins.length > 0) inner.unshift(crossOrigin(corsOrigins))
  inner.unshift(hostCheck(needsToken(access) ? undefined : allowedHosts))
  const app = withOwnAnswers(new Koa())
  app.on('error', (error, ctx?: Koa.Context) => {
    // Koa tells of a socket that fails under a request as well: the client is gone.
    if (error !== ctx?.req.socket.errored) onError(error)
  })
  const routeOf = (ctx: Koa.Context) => matchedRoute(router, ctx)
  const outermost = follow({
    connections,
    observers,
    basePath,
    onUnforeseen: onError,
    dialectOf: buildDialect,
    routeOf,
  })
  app.middleware = [outermost, ...inner] // All of it, for an application that mounts this one.
  const use = (added: Middleware) => {
    app.middleware.splice(-inner.length, 0, added)
    return app
  }
  return Object.assign(app, { use })
}

const CONTENT_METHODS = ['HEAD', 'GET', 'PUT']

/** The pattern of the route. There are as many as routes, so they can be labels of metrics. */
function matchedRoute(router: Router, ctx: Koa.Context): string {
  const { path } = router.match(ctx.path, ctx.method)
  const layer = path.find(({ methods }) => methods.includes(ctx.method)) ?? path[0]
  return layer === undefined ? 'none' : (layer.name ?? String(layer.path))
}

function logErrors(logger: Logger | undefined): (error: unknown) => void {
  if (logger === undefined) return (error) => console.error(error)
  return (error) => logger.error({ err: error }, 'an unexpected error occurred')
}
