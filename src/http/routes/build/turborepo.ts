import type Router from '@koa/router'
import type { Context } from 'koa'
import pMap from 'p-map'
import { ARTIFACT_HASH, TURBOREPO } from '../../../api/build-paths.ts'
import { isFieldValue } from '../../../api/fields.ts'
import { BlobcachedError, type FileStore, type StoredFile } from '../../../index.ts'
import { hashesOf, jsonBody, lookUp } from '../../body/json.ts'
import { getFile } from '../../content/get.ts'
import { receive } from '../../content/put.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Fields } from '../../fields/content.ts'
import { entryName } from './entry.ts'

/** What the route is called in metrics and logs. */
const LABEL = '*/v8/artifacts/:hash'

/** Artifacts that one query may ask about, and how many of them are looked for at once. */
const QUERY = { hashes: 1000, concurrency: 16 }

/** Kept with an artifact and sent with it. The tag is the client's own signature. */
const DURATION = 'x-artifact-duration'
const TAG = 'x-artifact-tag'
const KEPT_HEADERS = [DURATION, TAG, 'x-artifact-sha', 'x-artifact-dirty-hash']

/** The remote cache of Turborepo: the outputs of a task under its hash, apart for each team. */
export function turborepoRoutes(router: Router, store: FileStore): void {
  router.get('*/v8/artifacts/status', TURBOREPO.status, (ctx) => {
    ctx.body = { status: 'enabled' }
  })
  // What clients tell of their hits and misses is not needed here.
  router.post('*/v8/artifacts/events', TURBOREPO.events, (ctx) => {
    ctx.body = {}
  })
  router.post('*/v8/artifacts', TURBOREPO.query, jsonBody(store), async (ctx) => {
    ctx.body = await describeArtifacts(ctx, store)
  })
  router.get(LABEL, TURBOREPO.artifact, ({ exchange }) =>
    getFile(exchange, store, { name: artifactName(exchange) }, { fieldsOf: keptFields }),
  )
  router.put(LABEL, TURBOREPO.artifact, async (ctx) => {
    const { exchange } = ctx
    const name = artifactName(exchange)
    await receive(exchange, store, { name, attributes: attributesOf(exchange) })
    ctx.body = { urls: [exchange.base + ctx.url] }
  })
  // With --preflight, a client sends its token only where this names the header.
  router.options('*/v8/artifacts (preflight)', TURBOREPO.any, (ctx) => {
    const headers = ['Authorization', 'Content-Type', 'User-Agent', ...KEPT_HEADERS]
    ctx.set('Access-Control-Allow-Methods', 'GET, HEAD, PUT, POST')
    ctx.set('Access-Control-Allow-Headers', headers.join(', '))
    ctx.status = 204
  })
}

/** The team is part of the name, in the form of a query, which no hash in a path can imitate. */
function artifactName(exchange: Exchange, path = entryName(exchange)): string {
  const team = new URLSearchParams()
  for (const key of ['teamId', 'slug'] as const) {
    const value = exchange.query.text(key)
    if (value) team.set(key, value)
  }
  return team.size === 0 ? path : `${path}?${team}`
}

function attributesOf({ headers }: Exchange): Record<string, string> {
  const sent = KEPT_HEADERS.map((header) => [header, String(headers[header] ?? '')] as const)
  return Object.fromEntries(sent.filter(([, value]) => value !== ''))
}

/** Those and no others: who stored the entry may not have come through here. */
function keptFields({ attributes }: StoredFile): Fields {
  return KEPT_HEADERS.flatMap((header) => {
    const value = attributes[header]
    return value !== undefined && isFieldValue(value) ? [header, value] : []
  })
}

/** What there is to know of each artifact without downloading it; `null` for one that is not there. */
async function describeArtifacts(ctx: Context, store: FileStore): Promise<Record<string, unknown>> {
  const { signal } = ctx.exchange
  const describe = async (hash: string) => {
    if (!ARTIFACT_HASH.test(hash)) return [hash, null] as const
    const name = artifactName(ctx.exchange, `${entryName(ctx.exchange)}/${hash}`)
    return [hash, await describeArtifact(store, name, signal)] as const
  }
  const hashes = hashesOf(ctx, QUERY.hashes)
  const entries = await lookUp(store, hashes.length, ctx.exchange, () =>
    pMap(hashes, describe, { concurrency: QUERY.concurrency }),
  )
  return Object.fromEntries(entries)
}

async function describeArtifact(store: FileStore, name: string, signal: AbortSignal) {
  try {
    const { size, attributes } = await store.get({ name }, { signal })
    return {
      size,
      taskDurationMs: Number(attributes[DURATION] ?? 0),
      ...(attributes[TAG] !== undefined && { tag: attributes[TAG] }),
    }
  } catch (error) {
    if (error instanceof BlobcachedError) return null
    throw error
  }
}
