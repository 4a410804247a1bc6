import type Router from '@koa/router'
import { type FileStore, InvalidArgumentError, UnavailableError } from '../../index.ts'

/** Liveness says that this process answers; readiness that it can do its work. */
export function healthRoutes(router: Router, store: FileStore, isDraining: () => boolean): void {
  router.get('/healthz', (ctx) => {
    ctx.set('Cache-Control', 'no-store')
    ctx.body = { status: 'ok' }
  })
  router.get('/readyz', async (ctx) => {
    if (isDraining()) throw new UnavailableError('the server is shutting down')
    await store.ready().catch((error) => {
      // It was right at the start: memcached has come back with a smaller item limit.
      if (error instanceof InvalidArgumentError) throw new UnavailableError(error.message)
      throw error
    })
    ctx.set('Cache-Control', 'no-store')
    ctx.body = { status: 'ready' }
  })
}
