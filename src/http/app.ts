import type { IncomingMessage, ServerResponse } from 'node:http'
import Router from '@koa/router'
import Koa from 'koa'
import type { FileStore } from '../index.ts'
import { Admission } from './admission.ts'
import { followAnswer } from './answers.ts'
import { type AccessOptions, authenticate, createGuard } from './authenticate.ts'
import { crossOrigin } from './cors.ts'
import { refuseOtherSites } from './cross-site.ts'
import type { Logger } from './logger.ts'
import { Metrics, type MetricsOptions } from './metrics/metrics.ts'
import { observe } from './observe.ts'
import { PlainRead } from './plain/read.ts'
import { failPlainRequest, type Handler, PlainRequests } from './plain/requests.ts'
import { PlainUpload } from './plain/upload.ts'
import { problems } from './problem.ts'
import { discardUnread } from './request-body.ts'
import { requestLog } from './request-log.ts'
import { blobRoutes } from './routes/blobs.ts'
import { buildDialect, buildRoutes } from './routes/build/index.ts'
import { fileRoutes } from './routes/files.ts'
import { fleetRoutes } from './routes/fleet.ts'
import { healthRoutes } from './routes/health.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { openApiRoutes } from './routes/openapi.ts'
import { pageRoutes } from './routes/page.ts'
import { webdavRoutes } from './routes/webdav.ts'
import { ClientGoneError } from './signal.ts'

export interface AppOptions {
  /** Who may do what. Default: anyone may do anything. */
  access?: AccessOptions
  /** What is refused for want of room. Default: one of its own, which sees no connections. */
  admission?: Admission
  /** Web sites whose pages may use the server, as in `https://example.org`, or `*`. Default none. */
  corsOrigins?: readonly string[]
  /** Gets one line a request. Default none. */
  logger?: Logger
  metrics?: MetricsOptions
  /** True from when the server stops taking new work. */
  isDraining?: () => boolean
  /**
   * Called with what should never happen; the client gets a 500 without its text. Default: the
   * logger gets it, or standard error.
   */
  onError?: (error: unknown) => void
}

/**
 * The routes of docs/http.md over a store.
 * @throws {InvalidArgumentError} for an option that can never work.
 */
export function createApp(store: FileStore, options: AppOptions = {}): Koa {
  const { access = {}, corsOrigins = [], logger, isDraining = () => false } = options
  const { admission = new Admission() } = options
  const { onError = logErrors(logger) } = options
  const report = (error: unknown) => {
    if (!(error instanceof ClientGoneError)) onError(error)
  }
  const metrics = new Metrics(store, options.metrics)
  const router = new Router({ sensitive: true, strict: true })
  fileRoutes(router, store)
  blobRoutes(router, store)
  healthRoutes(router, store, isDraining)
  webdavRoutes(router, store)
  buildRoutes(router, store)
  fleetRoutes(router, store)
  pageRoutes(router)
  metricsRoutes(router, metrics)
  openApiRoutes(router)

  const observers = logger ? [metrics.requests, requestLog(logger)] : [metrics.requests]
  const guard = createGuard(access)
  const app = new App()
  app.on('error', (error, ctx?: Koa.Context) => {
    // Koa tells of a socket that fails under a request as well: the client is gone.
    if (error !== ctx?.req.socket.errored) report(error)
  })
  app.use(observe(observers, (path, method) => router.match(path, method)))
  app.use(discardUnread)
  if (corsOrigins.length > 0) app.use(crossOrigin(corsOrigins))
  app.use(problems(report, buildDialect))
  app.use(failPlainRequest)
  app.use(refuseOtherSites(corsOrigins))
  if (guard !== undefined) app.use(authenticate(guard))
  app.use(admission.middleware)
  app.use(router.routes())
  app.use(router.allowedMethods())
  // What a page of another site may see depends on the site: then none is plain.
  if (corsOrigins.length === 0) {
    const methods = [new PlainRead(store), new PlainUpload(store, admission)]
    app.bypass(new PlainRequests({ methods, observers, guard, admission }))
  }
  return app
}

/** Koa, but for the requests that it would only slow down. */
class App extends Koa {
  #plain: PlainRequests | undefined
  #ours = 0

  /** Has plain requests answered without the middleware, unless somebody adds to what there is now. */
  bypass(plain: PlainRequests): void {
    this.#plain = plain
    this.#ours = this.middleware.length
  }

  override callback(): ReturnType<Koa['callback']> {
    const others: Handler = super.callback()
    const plain = this.middleware.length === this.#ours ? this.#plain : undefined
    const handle = async (req: IncomingMessage, res: ServerResponse) => {
      const turn = followAnswer(req, res)
      if (turn !== undefined) {
        await turn
        if (res.destroyed || !req.socket.writable) return // Nobody is there to be answered.
      }
      try {
        await (plain === undefined ? others(req, res) : plain.handle(req, res, others))
      } catch (error) {
        this.emit('error', error)
        res.destroy()
      }
    }
    return handle as ReturnType<Koa['callback']> // Its type allows for HTTP/2, which is not served.
  }
}

function logErrors(logger: Logger | undefined): (error: unknown) => void {
  if (logger === undefined) return (error) => console.error(error)
  return (error) => logger.error({ err: error }, 'something unforeseen went wrong')
}
