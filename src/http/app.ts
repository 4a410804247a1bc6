import Router from '@koa/router'
import Koa from 'koa'
import type { FileStore } from '../index.ts'
import { Admission } from './admission.ts'
import { problems } from './problem.ts'
import { discardUnread } from './request-body.ts'
import { blobRoutes } from './routes/blobs.ts'
import { buildDialect, buildRoutes } from './routes/build/index.ts'
import { fileRoutes } from './routes/files.ts'
import { fleetRoutes } from './routes/fleet.ts'
import { healthRoutes } from './routes/health.ts'
import { pageRoutes } from './routes/page.ts'
import { webdavRoutes } from './routes/webdav.ts'
import { ClientGoneError } from './signal.ts'

export interface AppOptions {
  /** What is refused for want of room. Default: one of its own, which sees no connections. */
  admission?: Admission
  /** True from when the server stops taking new work. */
  isDraining?: () => boolean
  /** Called with what should never happen; the client gets a 500 without its text. */
  onError?: (error: unknown) => void
}

/** The routes of docs/http.md over a store. */
export function createApp(store: FileStore, options: AppOptions = {}): Koa {
  const { isDraining = () => false, onError = (error) => console.error(error) } = options
  const { admission = new Admission() } = options
  const report = (error: unknown) => {
    if (!(error instanceof ClientGoneError)) onError(error)
  }
  const router = new Router({ sensitive: true, strict: true })
  fileRoutes(router, store)
  blobRoutes(router, store)
  healthRoutes(router, store, isDraining)
  webdavRoutes(router, store)
  buildRoutes(router, store)
  fleetRoutes(router, store)
  pageRoutes(router)

  const app = new Koa()
  app.on('error', (error, ctx?: Koa.Context) => {
    // Koa tells of a socket that fails under a request as well: the client is gone.
    if (error !== ctx?.req.socket.errored) report(error)
  })
  app.use(discardUnread)
  app.use(problems(report, buildDialect))
  app.use(admission.middleware)
  app.use(router.routes())
  app.use(router.allowedMethods())
  return app
}
