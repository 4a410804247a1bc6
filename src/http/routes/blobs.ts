import type Router from '@koa/router'
import type { RepairJson } from '../../api/chunks.ts'
import { MAX_HASHES, type MissingJson } from '../../api/missing.ts'
import { MISSING } from '../../api/paths.ts'
import { Digest, type FileStore, NotFoundError } from '../../index.ts'
import { answerHealth, answerManifest } from '../inspect.ts'
import { hashesOf, jsonBody } from '../json-body.ts'
import { isConditional } from '../preconditions.ts'
import { flag } from '../query.ts'
import { answerReceipt, receive } from '../receive.ts'
import { serveFile } from '../serve-file.ts'
import { abortSignal } from '../signal.ts'
import { checkConditions } from '../upload-options.ts'

export const BLOBS_ROUTE = '/blobs/:hash'

/** Content by hash. */
export function blobRoutes(router: Router, store: FileStore): void {
  const path = BLOBS_ROUTE

  router.get(path, async (ctx) => {
    const hash = Digest.parse(ctx.params.hash!)
    const prefetch = ctx.method === 'GET' && !isConditional(ctx.headers)
    await serveFile(ctx, await store.find({ hash }, { prefetch }), 'hash')
  })
  router.get(`${path}/manifest`, async (ctx) => {
    answerManifest(ctx, await store.find({ hash: ctx.params.hash! }), 'hash')
  })
  router.get(`${path}/health`, async (ctx) => {
    await answerHealth(ctx, await store.find({ hash: ctx.params.hash! }))
  })
  router.post(`${path}/repair`, async (ctx) => {
    const hash = Digest.parse(ctx.params.hash!)
    const repair = await store.repair({ hash }, { signal: abortSignal(ctx) })
    ctx.set('Cache-Control', 'no-store')
    ctx.body = repair satisfies RepairJson
  })
  router.post(MISSING, jsonBody(), async (ctx) => {
    const missing = await store.missing(hashesOf(ctx, MAX_HASHES), { signal: abortSignal(ctx) })
    ctx.set('Cache-Control', 'no-store')
    ctx.body = { missing } satisfies MissingJson
  })
  router.put(path, async (ctx) => {
    const digest = Digest.parse(ctx.params.hash!)
    answerReceipt(ctx, await receive(ctx, store, { digest }))
  })
  router.delete(path, async (ctx) => {
    const hash = Digest.parse(ctx.params.hash!)
    await checkConditions(ctx, store, { hash })
    const wasThere = await store.delete({ hash }, { purge: flag(ctx, 'purge') })
    if (!wasThere) throw new NotFoundError(`there is no content ${hash.hex}`)
    ctx.status = 204
  })
}
