import type Router from '@koa/router'
import type { FileStore } from '../../../index.ts'
import { receive } from '../../receive.ts'
import { serveFile } from '../../serve-file.ts'
import { behindPrefix, entryName } from './entry.ts'

export const NX_PATH = behindPrefix('v1/cache/[^/]+')
/** What the route is called in metrics and logs. */
const LABEL = '*/v1/cache/:hash'

/** The self-hosted remote cache of Nx: the outputs of a task under its hash. */
export function nxRoutes(router: Router, store: FileStore): void {
  router.get(LABEL, NX_PATH, async (ctx) => {
    await serveFile(ctx, await store.find({ name: entryName(ctx) }), 'name')
  })
  router.put(LABEL, NX_PATH, async (ctx) => {
    await receive(ctx, store, { name: entryName(ctx) })
    ctx.status = 200 // Whether it is new or not: 201 fails the build.
    ctx.body = ''
  })
}
