import type Router from '@koa/router'
import { Digest, type FileStore, NotFoundError } from '../../index.ts'
import { answerHealth, answerManifest } from '../inspect.ts'
import { hashesOf, jsonBody } from '../json-body.ts'
import { isConditional } from '../preconditions.ts'
import { flag } from '../query.ts'
import { answerReceipt, receive } from '../receive.ts'
import { serveFile } from '../serve-file.ts'
import { abortSignal } from '../signal.ts'
import { checkConditions } from '../upload-options.ts'

/** Hashes that one request may ask about. */
const MAX_HASHES = 10_000

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
    ctx.body = repair
  })
  router.post('/blobs/missing', jsonBody(), async (ctx) => {
    const missing = await store.missing(hashesOf(ctx, MAX_HASHES), { signal: abortSignal(ctx) })
    ctx.set('Cache-Control', 'no-store')
    ctx.body = { missing }
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
