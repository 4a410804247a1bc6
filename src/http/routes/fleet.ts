import type Router from '@koa/router'
import type { FleetJson } from '../../api/fleet.ts'
import { FLEET } from '../../api/paths.ts'
import type { FileStore } from '../../index.ts'

/** Milliseconds for which one look at the servers answers all requests. */
const FRESH_MS = 1000

/** What stands behind this server and how it fares. */
export function fleetRoutes(router: Router, store: FileStore): void {
  let asked = Number.NEGATIVE_INFINITY
  let report: Promise<FleetJson> | undefined

  router.get(FLEET, async (ctx) => {
    if (report === undefined || performance.now() - asked >= FRESH_MS) {
      asked = performance.now()
      report = lookAt(store)
    }
    ctx.set('Cache-Control', 'no-store')
    ctx.body = await report
  })
}

async function lookAt(store: FileStore): Promise<FleetJson> {
  const [servers, maxFileSize] = await Promise.all([
    store.engine.stats(),
    store.maxFileSize().catch(() => undefined),
  ])
  return {
    at: new Date().toISOString(),
    servers,
    copies: store.engine.copies ?? 1,
    memory: store.memoryUsage,
    chunkSize: store.chunkSize,
    ...(maxFileSize !== undefined && { maxFileSize }),
  }
}
