import type { IncomingHttpHeaders } from 'node:http'
import contentDisposition from 'content-disposition'
import { etagOf } from '../../api/fields.ts'
import type { StoredFile } from '../../index.ts'
import { httpDate } from './dates.ts'
import { digestFields } from './digests.ts'

/** By hash the content can never change; by name it must be asked about each time. */
export type AskedBy = 'name' | 'hash'

const YEAR = 365 * 24 * 3600
/** The name of the attribute that keeps the Content-Encoding of an upload by name. */
export const CONTENT_ENCODING = 'content-encoding'

/** Stored content can neither run as this site nor be taken for another type. */
const HARMLESS = ['X-Content-Type-Options', 'nosniff', 'Content-Security-Policy', 'sandbox']

/** Header fields as `writeHead` takes them: a name, its value, the next name. */
export type Fields = (string | number)[]

/** Fields of every answer about a file: 200, 206 and 304. */
export function fileFields(file: StoredFile, by: AskedBy): Fields {
  const fields = ['ETag', etagOf(file.hash), 'Cache-Control', cacheControl(file, by), ...HARMLESS]
  if (by === 'name') fields.push('Last-Modified', httpDate(file.storedAt))
  return fields
}

/** What describes the bytes that a 200 or 206 carries. */
export function contentFields(headers: IncomingHttpHeaders, file: StoredFile): Fields {
  const fields: Fields = ['Accept-Ranges', 'bytes', 'Cache-Status', 'blobcached; hit']
  fields.push(...digestFields(headers, file.digest))
  const encoding = file.attributes[CONTENT_ENCODING]
  if (encoding !== undefined && isFieldValue(encoding)) fields.push('Content-Encoding', encoding)
  return fields
}

export function bodyFields(type: string, length: number): Fields {
  return ['Content-Type', type, 'Content-Length', length]
}

/**
 * Has clients save the file instead of showing it.
 * @param download The name to save it under; the last part of the file's own where it is empty.
 */
export function dispositionField(download: string, file: StoredFile): Fields {
  return ['Content-Disposition', contentDisposition(basename(download || (file.name ?? file.hash)))]
}

/** The type it was stored with, unless that cannot be sent. */
export function contentTypeOf({ type }: StoredFile): string {
  return type !== undefined && isFieldValue(type) ? type : 'application/octet-stream'
}

/** Whether HTTP can carry the text. A sealed record may come from another program. */
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

/** The last part of a path, without what no file name holds. */
function basename(path: string): string {
  const last = path.split(/[/\\]/).findLast((part) => part !== '') ?? 'download'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return last.replace(/[\u0000-\u001f\u007f-\u009f]/g, '') || 'download'
}
