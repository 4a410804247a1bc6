import type Router from '@koa/router'
import type { Context } from 'koa'
import pMap from 'p-map'
import {
  BlobcachedError,
  type FileStore,
  InvalidArgumentError,
  type StoredFile,
} from '../../../index.ts'
import { isFieldValue } from '../../content-headers.ts'
import { hashesOf, jsonBody } from '../../json-body.ts'
import { receive } from '../../receive.ts'
import { serveFile } from '../../serve-file.ts'
import { abortSignal } from '../../signal.ts'
import { behindPrefix, entryName } from './entry.ts'

const HASH = '[\\w.-]+'
const QUERY_PATH = behindPrefix('v8/artifacts')
const STATUS_PATH = behindPrefix('v8/artifacts/status')
const EVENTS_PATH = behindPrefix('v8/artifacts/events')
const ARTIFACT_PATH = behindPrefix(`v8/artifacts/${HASH}`)
export const TURBOREPO_PATH = behindPrefix(`v8/artifacts(?:/${HASH})?`)
/** By POST, yet nothing is written. */
export const TURBOREPO_QUESTION = behindPrefix('v8/artifacts(?:/events)?')
/** What the route is called in metrics and logs. */
const LABEL = '*/v8/artifacts/:hash'

/** Artifacts that one query may ask about, and how many of them are looked for at once. */
const QUERY = { hashes: 1000, concurrency: 16 }

/** Kept with an artifact for whoever downloads it. The tag is the client's own signature. */
const DURATION = 'x-artifact-duration'
const TAG = 'x-artifact-tag'
const KEPT_HEADERS = [DURATION, TAG, 'x-artifact-sha', 'x-artifact-dirty-hash']

/** The remote cache of Turborepo: the outputs of a task under its hash, apart for each team. */
export function turborepoRoutes(router: Router, store: FileStore): void {
  router.get('*/v8/artifacts/status', STATUS_PATH, (ctx) => {
    ctx.body = { status: 'enabled' }
  })
  // What clients tell of their hits and misses is not needed here.
  router.post('*/v8/artifacts/events', EVENTS_PATH, (ctx) => {
    ctx.body = {}
  })
  router.post('*/v8/artifacts', QUERY_PATH, jsonBody(), async (ctx) => {
    ctx.body = await describeArtifacts(ctx, store)
  })
  router.get(LABEL, ARTIFACT_PATH, async (ctx) => {
    const file = await store.find({ name: artifactName(ctx) })
    setKeptHeaders(ctx, file)
    await serveFile(ctx, file, 'name')
  })
  router.put(LABEL, ARTIFACT_PATH, async (ctx) => {
    await receive(ctx, store, { name: artifactName(ctx), attributes: attributesOf(ctx) })
    ctx.body = { urls: [ctx.url] }
  })
  // With --preflight, a client sends its token only where this names the header.
  router.options('*/v8/artifacts (preflight)', TURBOREPO_PATH, (ctx) => {
    const headers = ['Authorization', 'Content-Type', 'User-Agent', ...KEPT_HEADERS]
    ctx.set('Access-Control-Allow-Methods', 'GET, HEAD, PUT, POST')
    ctx.set('Access-Control-Allow-Headers', headers.join(', '))
    ctx.status = 204
  })
}

/** The team is part of the name, in the form of a query, which no hash in a path can imitate. */
function artifactName(ctx: Context, path = entryName(ctx)): string {
  const team = new URLSearchParams()
  for (const key of ['teamId', 'slug']) {
    const value = ctx.query[key]
    if (Array.isArray(value)) throw new InvalidArgumentError(`${key} is given more than once`)
    if (value) team.set(key, value)
  }
  return team.size === 0 ? path : `${path}?${team}`
}

function attributesOf(ctx: Context): Record<string, string> {
  const sent = KEPT_HEADERS.map((header) => [header, ctx.get(header)] as const)
  return Object.fromEntries(sent.filter(([, value]) => value !== ''))
}

/** Those and no others: who stored the entry may not have come through here. */
function setKeptHeaders(ctx: Context, { attributes }: StoredFile): void {
  for (const header of KEPT_HEADERS) {
    const value = attributes[header]
    if (value !== undefined && isFieldValue(value)) ctx.set(header, value)
  }
}

/** What there is to know of each artifact without downloading it; `null` for one that is not there. */
async function describeArtifacts(ctx: Context, store: FileStore): Promise<Record<string, unknown>> {
  const signal = abortSignal(ctx)
  const isHash = new RegExp(`^${HASH}$`)
  const describe = async (hash: string) => {
    if (!isHash.test(hash)) return [hash, null] as const
    const name = artifactName(ctx, `${entryName(ctx)}/${hash}`)
    return [hash, await describeArtifact(store, name, signal)] as const
  }
  const hashes = hashesOf(ctx, QUERY.hashes)
  return Object.fromEntries(await pMap(hashes, describe, { concurrency: QUERY.concurrency }))
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
