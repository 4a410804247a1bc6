import type Router from '@koa/router'
import type { EngineStats, FileStore, MemoryUsage } from '../../index.ts'

/** Milliseconds that one look at the servers serves everybody who asks. */
const FRESH_MS = 1000

interface FleetReport {
  /** When the servers were asked, ISO 8601. */
  at: string
  servers: EngineStats[]
  /** What requests hold in this process, in bytes. */
  memory: MemoryUsage
  chunkSize: number
  /** Left out while no server tells. */
  maxFileSize?: number
}

/** What stands behind this server and how it fares. */
export function fleetRoutes(router: Router, store: FileStore): void {
  let asked = Number.NEGATIVE_INFINITY
  let report: Promise<FleetReport> | undefined

  router.get('/fleet', async (ctx) => {
    if (report === undefined || performance.now() - asked >= FRESH_MS) {
      asked = performance.now()
      report = lookAt(store)
    }
    ctx.set('Cache-Control', 'no-store')
    ctx.body = await report
  })
}

async function lookAt(store: FileStore): Promise<FleetReport> {
  const [servers, maxFileSize] = await Promise.all([
    store.engine.stats(),
    store.maxFileSize().catch(() => undefined),
  ])
  return {
    at: new Date().toISOString(),
    servers,
    memory: store.memoryUsage,
    chunkSize: store.chunkSize,
    ...(maxFileSize !== undefined && { maxFileSize }),
  }
}
