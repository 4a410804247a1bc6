import type Router from '@koa/router'
import { NX_PATH } from '../../../api/build-paths.ts'
import type { FileStore } from '../../../index.ts'
import { getFile } from '../../content/get.ts'
import { receive } from '../../content/put.ts'
import { entryName } from './entry.ts'

/** What the route is called in metrics and logs. */
const LABEL = '*/v1/cache/:hash'

/** The self-hosted remote cache of Nx: the outputs of a task under its hash. */
export function nxRoutes(router: Router, store: FileStore): void {
  router.get(LABEL, NX_PATH, ({ exchange }) =>
    getFile(exchange, store, { name: entryName(exchange) }),
  )
  router.put(LABEL, NX_PATH, async (ctx) => {
    await receive(ctx.exchange, store, { name: entryName(ctx.exchange) })
    ctx.status = 200 // Whether it is new or not: 201 fails the build.
    ctx.body = ''
  })
}
