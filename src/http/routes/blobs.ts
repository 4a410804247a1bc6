import type Router from '@koa/router'
import { MAX_BATCH } from '../../api/batch.ts'
import type { RepairJson } from '../../api/chunks.ts'
import { MAX_HASHES, type MissingJson } from '../../api/missing.ts'
import { BATCH, MISSING } from '../../api/paths.ts'
import { Digest, type FileStore, NotFoundError } from '../../index.ts'
import { hashesOf, jsonBody, lookUp } from '../body/json.ts'
import { checkConditions } from '../content/conditions.ts'
import { BLOBS_ROUTE } from '../content/content.ts'
import { answerBatch } from './batch.ts'
import { answerHealth, answerManifest } from './inspect.ts'

/** What there is to do with content by hash beside what `content` does. */
export function blobRoutes(router: Router, store: FileStore): void {
  router.get(`${BLOBS_ROUTE}/manifest`, async ({ exchange, params }) => {
    await answerManifest(exchange, store, await store.find({ hash: params.hash! }), 'hash')
  })
  router.get(`${BLOBS_ROUTE}/health`, async ({ exchange, params }) => {
    await answerHealth(exchange, store, await store.find({ hash: params.hash! }))
  })
  router.post(`${BLOBS_ROUTE}/repair`, async (ctx) => {
    const hash = Digest.parse(ctx.params.hash!)
    const repair = await store.repair({ hash }, { signal: ctx.exchange.signal })
    ctx.set('Cache-Control', 'no-store')
    ctx.body = repair satisfies RepairJson
  })
  router.post(MISSING, jsonBody(store), async (ctx) => {
    const { exchange } = ctx
    const { signal } = exchange
    const hashes = hashesOf(ctx, MAX_HASHES)
    const missing = await lookUp(store, hashes.length, exchange, () =>
      store.missing(hashes, { signal }),
    )
    ctx.set('Cache-Control', 'no-store')
    ctx.body = { missing } satisfies MissingJson
  })
  router.post(BATCH, jsonBody(store), async (ctx) => {
    const hashes = new Set(hashesOf(ctx, MAX_BATCH.files))
    await answerBatch(ctx.exchange, store, [...hashes])
  })
  router.delete(BLOBS_ROUTE, async (ctx) => {
    const { exchange } = ctx
    const hash = Digest.parse(ctx.params.hash!)
    await checkConditions(exchange, store, { hash })
    const wasThere = await store.delete({ hash }, { purge: exchange.query.flag('purge') })
    if (!wasThere) throw new NotFoundError(`there is no content ${hash.hex}`)
    ctx.status = 204
  })
}
