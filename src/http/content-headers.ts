import contentDisposition from 'content-disposition'
import type { Context } from 'koa'
import type { StoredFile } from '../index.ts'
import { digestHeaders } from './digest-fields.ts'
import { etagOf } from './entity-tags.ts'
import { parameter } from './query.ts'

/** By hash the content can never change; by name it must be asked about each time. */
export type AskedBy = 'name' | 'hash'

const YEAR = 365 * 24 * 3600
/** The name of the attribute that keeps the Content-Encoding of an upload by name. */
export const CONTENT_ENCODING = 'content-encoding'

/** What holds for the file whatever part of it is sent, and for 304 too. */
export function setFileHeaders({ res }: Context, file: StoredFile, by: AskedBy): void {
  res.setHeader('ETag', etagOf(file.hash))
  res.setHeader('Cache-Control', cacheControl(file, by))
  if (by === 'name') res.setHeader('Last-Modified', file.storedAt.toUTCString())
  // Stored content can neither run as this site nor be taken for another type.
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.setHeader('Content-Security-Policy', 'sandbox')
}

/** What describes the bytes that a 200 or 206 carries. */
export function setContentHeaders(ctx: Context, file: StoredFile): void {
  ctx.res.setHeader('Accept-Ranges', 'bytes')
  ctx.set(digestHeaders(ctx.headers, file.digest))
  const encoding = file.attributes[CONTENT_ENCODING]
  if (encoding !== undefined && isFieldValue(encoding)) ctx.set('Content-Encoding', encoding)
  const download = parameter(ctx, 'download')
  if (download !== undefined) {
    ctx.set('Content-Disposition', contentDisposition(basename(download || nameOf(file))))
  }
}

/** The type it was stored with, unless that cannot be sent. */
export function contentTypeOf({ type }: StoredFile): string {
  return type !== undefined && isFieldValue(type) ? type : 'application/octet-stream'
}

/** Records prove themselves, but whoever wrote one may not have gone through the store. */
export function isFieldValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]+$/.test(text)
}

/**
 * A hash always means the same bytes, so that what a cache has stays right; but what was to live
 * for an hour shall not live on for a year in a cache. Neither `public` nor `private`: whether a
 * shared cache may keep an answer follows from whether the request had to say who asks.
 */
export function cacheControl(file: StoredFile, by: AskedBy): string {
  if (by === 'name') return 'no-cache'
  if (file.ttl === 0) return `max-age=${YEAR}, immutable`
  const left = Math.floor((file.storedAt.getTime() - Date.now()) / 1000) + file.ttl
  return left > 0 ? `max-age=${Math.min(YEAR, left)}, immutable` : 'no-cache'
}

function nameOf(file: StoredFile): string {
  return file.name ?? file.hash
}

/** The last part of a path, without what no file name holds. */
function basename(path: string): string {
  const last = path.split(/[/\\]/).findLast((part) => part !== '') ?? 'download'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return last.replace(/[\u0000-\u001f\u007f-\u009f]/g, '') || 'download'
}
