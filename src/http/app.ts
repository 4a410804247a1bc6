import Router from '@koa/router'
import Koa from 'koa'
import type { FileStore } from '../index.ts'
import { problems } from './problem.ts'
import { discardUnread } from './request-body.ts'
import { blobRoutes } from './routes/blobs.ts'
import { buildDialect, buildRoutes } from './routes/build/index.ts'
import { fileRoutes } from './routes/files.ts'
import { healthRoutes } from './routes/health.ts'
import { webdavRoutes } from './routes/webdav.ts'
import { ClientGoneError } from './signal.ts'

export interface AppOptions {
  /** True from when the server stops taking new work. */
  isDraining?: () => boolean
  /** Called with what should never happen; the client gets a 500 without its text. */
  onError?: (error: unknown) => void
}

/** The routes of docs/http.md over a store. */
export function createApp(store: FileStore, options: AppOptions = {}): Koa {
  const { isDraining = () => false, onError = (error) => console.error(error) } = options
  const report = (error: unknown) => {
    if (!(error instanceof ClientGoneError)) onError(error)
  }
  const router = new Router({ sensitive: true, strict: true })
  fileRoutes(router, store)
  blobRoutes(router, store)
  healthRoutes(router, store, isDraining)
  webdavRoutes(router, store)
  buildRoutes(router, store)

  const app = new Koa()
  app.on('error', (error: unknown, ctx?: Koa.Context) => {
    // A connection that broke, or spoke no HTTP, is the client's affair.
    if (error !== ctx?.req.socket.errored) report(error)
  })
  app.use(discardUnread)
  app.use(problems(report, buildDialect))
  app.use(router.routes())
  app.use(router.allowedMethods())
  return app
}
