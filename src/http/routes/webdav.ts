import type Router from '@koa/router'
import type { Context } from 'koa'
import { httpDate, modifiedSecond } from '../../api/dates.ts'
import { etagOf, weakEtagOf } from '../../api/fields.ts'
import { FILES, nameFromPath, UNNAMED } from '../../api/paths.ts'
import { cacheStatusOf } from '../../api/problem.ts'
import {
  ExistsError,
  type FileStore,
  InvalidArgumentError,
  PreconditionFailedError,
  type Receipt,
  type StoredFile,
} from '../../index.ts'
import { checkConditions } from '../content/conditions.ts'
import { contentTypeOf } from '../fields/content.ts'
import { HttpProblem } from '../problem.ts'

/** Files and what may be called a folder of them. */
const ROUTE = '/files{/*name}{/}'
const OF_FILE = 'HEAD, GET, PUT, POST, DELETE, OPTIONS, PROPFIND, COPY, MOVE'

/**
 * As much of WebDAV (RFC 4918, class 1) as its clients need for single files. Every path that ends in a slash is
 * a folder, always, and an empty one: names have no list.
 */
export function webdavRoutes(router: Router, store: FileStore): void {
  router.options(ROUTE, /^\/files(?:\/.*)?$/s, (ctx, next) => {
    ctx.set('DAV', '1')
    return next() // The router adds Allow.
  })
  router.register(ROUTE, ['PROPFIND'], (ctx) => describe(ctx, store))
  router.register(ROUTE, ['MKCOL'], async (ctx) => {
    if (ctx.exchange.hasBody) {
      throw new HttpProblem('unsupported-media-type', 'MKCOL takes no body')
    }
    const name = nameOf(ctx).replace(/\/$/, '')
    if (name !== '' && (await store.isReadable({ name }, { signal: ctx.exchange.signal }))) {
      throw new HttpProblem('method-not-allowed', 'there is a file of that name', {
        Allow: OF_FILE,
      })
    }
    ctx.status = 201
    ctx.body = ''
  })
  router.register(ROUTE, ['COPY'], async (ctx) => {
    answerCopy(ctx, await copy(ctx, store, await sourceOf(ctx, store)))
  })
  router.register(ROUTE, ['MOVE'], async (ctx) => {
    const source = await sourceOf(ctx, store)
    const receipt = await copy(ctx, store, source)
    await store.delete({ name: nameOf(ctx) }, { only: source })
    answerCopy(ctx, receipt)
  })
}

/** The name of a file, or of a folder; empty for that of all names. */
function nameOf({ path }: Context): string {
  return path === UNNAMED ? '' : nameFromPath(path, FILES)
}

function isFolder(name: string): boolean {
  return name === '' || name.endsWith('/')
}

/** Answers PROPFIND with all properties, whichever are asked for. */
async function describe(ctx: Context, store: FileStore): Promise<void> {
  const name = nameOf(ctx)
  const depth = ctx.get('Depth').toLowerCase() || 'infinity'
  if (!['0', '1', 'infinity'].includes(depth)) {
    throw new InvalidArgumentError('a Depth is 0, 1 or infinity', { actual: depth.slice(0, 100) })
  }
  if (!isFolder(name)) {
    const file = await store.get({ name }, { signal: ctx.exchange.signal })
    return answerXml(ctx, 207, multistatus(ctx, ctx.path, fileProperties(file)))
  }
  if (depth === 'infinity') return refuseDepth(ctx)
  const path = ctx.path.endsWith('/') ? ctx.path : `${ctx.path}/`
  answerXml(ctx, 207, multistatus(ctx, path, folderProperties()))
}

/** RFC 4918, 9.1: a client that gets this asks folder by folder. */
function refuseDepth(ctx: Context): void {
  ctx.exchange.reason = 'forbidden'
  ctx.set('Cache-Status', cacheStatusOf('forbidden'))
  answerXml(ctx, 403, '<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>')
}

/** Finds the file that is to be copied or moved. */
async function sourceOf(ctx: Context, store: FileStore): Promise<StoredFile> {
  const [name, destination] = [nameOf(ctx), destinationOf(ctx)]
  if (isFolder(name) || isFolder(destination)) {
    throw new HttpProblem('forbidden', 'folders have no list of what is in them: name one file')
  }
  if (name === destination) throw new HttpProblem('forbidden', 'that is the file itself')
  return (await checkConditions(ctx.exchange, store, { name })) ?? store.find({ name })
}

/** Names the content of a file as the Destination says; the rest of its life, its type and the like go along. */
async function copy(ctx: Context, store: FileStore, source: StoredFile): Promise<Receipt> {
  const { type, attributes, ttl, storedAt } = source
  const left = ttl && Math.max(1, ttl - Math.floor((Date.now() - storedAt.getTime()) / 1000))
  const createOnly = !mayOverwrite(ctx)
  const options = { name: destinationOf(ctx), type, attributes, ttl: left, createOnly }
  try {
    return await store.link(source, { ...options, signal: ctx.exchange.signal })
  } catch (error) {
    if (!(error instanceof ExistsError)) throw error
    throw new PreconditionFailedError(error.message, { cause: error }) // RFC 4918, 10.6.
  }
}

function mayOverwrite(ctx: Context): boolean {
  const field = ctx.get('Overwrite').toUpperCase() || 'T'
  if (field === 'T' || field === 'F') return field === 'T'
  throw new InvalidArgumentError('Overwrite is T or F', { actual: field.slice(0, 100) })
}

function destinationOf(ctx: Context): string {
  refuseSeveral('Destination', ctx) // Node joins them to one that could be a name.
  const [, host, path] = /^(?:https?:\/\/([^/?#]*))?(\/[^?#]*)$/i.exec(ctx.get('Destination')) ?? []
  const { base } = ctx.exchange
  if (path === undefined || (host !== undefined && host.toLowerCase() !== ctx.host.toLowerCase())) {
    throw new InvalidArgumentError('Destination is a path or URL on this server, with its Host', {
      expected: `http://${ctx.host}${base}${FILES}name`,
      actual: ctx.get('Destination').slice(0, 200),
    })
  }
  const own = path.startsWith(`${base}/`) ? path.slice(base.length) : path
  if (own.startsWith(FILES)) return nameFromPath(own, FILES)
  throw new HttpProblem('forbidden', `files are copied and moved below ${base}${FILES}`)
}

function refuseSeveral(field: string, { req: { rawHeaders } }: Context): void {
  const isField = (text: string, at: number) =>
    at % 2 === 0 && text.toLowerCase() === field.toLowerCase()
  if (rawHeaders.filter(isField).length <= 1) return
  throw new InvalidArgumentError(`${field} is there more than once`)
}

function answerCopy(ctx: Context, { created }: Receipt): void {
  ctx.status = created ? 201 : 204
  if (created) ctx.body = ''
}

function folderProperties(): string {
  return `<D:resourcetype><D:collection/></D:resourcetype>
        <D:getlastmodified>${new Date().toUTCString()}</D:getlastmodified>`
}

function fileProperties(file: StoredFile): string {
  const etag = file.isProven ? etagOf(file.hash) : weakEtagOf(file.hash)
  return `<D:resourcetype/>
        <D:getlastmodified>${httpDate(dateOf(file))}</D:getlastmodified>
        <D:getcontentlength>${file.size}</D:getcontentlength>
        <D:getcontenttype>${escapeXml(contentTypeOf(file))}</D:getcontenttype>
        <D:getetag>${etag}</D:getetag>`
}

/**
 * The Last-Modified of a file, in Unix time. While GET leaves that out, since it could stand for two files, it is the
 * second of the answer: opendal, and sccache with it, fails without a date, and an earlier one than the Last-Modified
 * of any file that is there from then on fulfils no condition.
 */
function dateOf({ storedAt }: StoredFile): number {
  return Math.min(modifiedSecond(storedAt), Math.floor(Date.now() / 1000))
}

function multistatus(ctx: Context, path: string, properties: string): string {
  return `<D:multistatus xmlns:D="DAV:">
  <D:response>
    <D:href>${escapeXml(ctx.exchange.base + path)}</D:href>
    <D:propstat>
      <D:prop>
        ${properties}
      </D:prop>
      <D:status>HTTP/1.1 200 OK</D:status>
    </D:propstat>
  </D:response>
</D:multistatus>`
}

function answerXml(ctx: Context, status: number, root: string): void {
  ctx.status = status
  ctx.set('Cache-Control', 'no-store')
  ctx.type = 'application/xml'
  ctx.body = `<?xml version="1.0" encoding="utf-8"?>\n${root}\n`
}

/** Names come percent-encoded, and types hold no control characters, so that nothing else needs it. */
function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
