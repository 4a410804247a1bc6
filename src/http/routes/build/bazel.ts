import type Router from '@koa/router'
import type { Context } from 'koa'
import { Digest, type FileStore, NotFoundError } from '../../../index.ts'
import { answerReceipt, receive } from '../../receive.ts'
import { serveFile } from '../../serve-file.ts'
import { abortSignal } from '../../signal.ts'
import { behindPrefix, entryName } from './entry.ts'
import { checkOutputs } from './outputs.ts'

export const AC_PATH = behindPrefix('ac/[0-9a-f]{64}')
export const CAS_PATH = behindPrefix('cas/[0-9a-f]{64}')
/** What the routes are called in metrics and logs. */
const LABEL = { ac: '*/ac/:hash', cas: '*/cas/:hash' }

/** The HTTP caching protocol of Bazel: action results under ac/, the content they name under cas/. */
export function bazelRoutes(router: Router, store: FileStore): void {
  // Opaque bytes under a key that says nothing about them, the last writer wins.
  router.get(LABEL.ac, AC_PATH, async (ctx) => {
    const file = await store.find({ name: entryName(ctx) })
    await checkOutputs(store, file, abortSignal(ctx))
    await serveFile(ctx, file, 'name')
  })
  router.put(LABEL.ac, AC_PATH, async (ctx) => {
    answerReceipt(ctx, await receive(ctx, store, { name: entryName(ctx) }))
  })
  router.delete(AC_PATH, async (ctx) => {
    const name = entryName(ctx)
    if (!(await store.delete({ name }))) throw new NotFoundError(`there is no entry ${name}`)
    ctx.status = 204
  })

  // The same content as /blobs/<hash>, whatever the prefix.
  router.get(LABEL.cas, CAS_PATH, async (ctx) => {
    const hash = contentHash(ctx)
    if (hash.equals(Digest.empty)) serveNothing(ctx)
    else
      await serveFile(ctx, await store.find({ hash }, { prefetch: ctx.method === 'GET' }), 'hash')
  })
  router.put(LABEL.cas, CAS_PATH, async (ctx) => {
    answerReceipt(ctx, await receive(ctx, store, { digest: contentHash(ctx) }))
  })
}

function contentHash(ctx: Context): Digest {
  return Digest.parse(ctx.path.slice(-64))
}

/** Clients never upload the empty blob and count on finding it. */
function serveNothing(ctx: Context): void {
  ctx.set('ETag', `"${Digest.empty.hex}"`)
  ctx.set('Cache-Status', 'blobcached; hit')
  ctx.type = 'application/octet-stream'
  ctx.body = Buffer.alloc(0)
}
