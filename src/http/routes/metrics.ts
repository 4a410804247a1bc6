import type Router from '@koa/router'
import type { Metrics } from '../metrics/metrics.ts'

/** For Prometheus. */
export function metricsRoutes(router: Router, metrics: Metrics): void {
  router.get('/metrics', async (ctx) => {
    ctx.set('Cache-Control', 'no-store')
    ctx.body = await metrics.text()
    ctx.set('Content-Type', metrics.contentType)
  })
}
