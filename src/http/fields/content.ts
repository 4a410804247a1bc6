import type { IncomingHttpHeaders } from 'node:http'
import contentDisposition from 'content-disposition'
import { httpDate, isDated, modifiedSecond } from '../../api/dates.ts'
import { etagOf, isFieldValue, weakEtagOf } from '../../api/fields.ts'
import type { StoredFile } from '../../index.ts'
import { digestFields } from './digests.ts'

/** By hash the content can never change; by name it must be asked about each time. */
export type AskedBy = 'name' | 'hash'

const YEAR = 365 * 24 * 3600
/** The name of the attribute that keeps the Content-Encoding of an upload by name. */
export const CONTENT_ENCODING = 'content-encoding'

/** Stored content cannot run as this site; no answer is taken for another type than it says. */
export const HARMLESS = ['Content-Security-Policy', 'sandbox']

/** Header fields as `writeHead` takes them: a name, its value, the next name. */
export type Fields = (string | number)[]

/**
 * Fields of every answer about a file: 200, 206 and 304.
 * @param isProven Whether it is known that the bytes are those of the hash; without that, nothing that is
 * said lets a client keep them, or put them together with others.
 */
export function fileFields(file: StoredFile, by: AskedBy, isProven: boolean): Fields {
  const etag = isProven ? etagOf(file.hash) : weakEtagOf(file.hash)
  const fields = ['ETag', etag, 'Cache-Control', cacheControl(file, by, isProven), ...HARMLESS]
  if (by === 'name' && isDated(file.storedAt)) {
    fields.push('Last-Modified', httpDate(modifiedSecond(file.storedAt)))
  }
  return fields
}

/**
 * What describes the bytes that a 200 or 206 carries.
 * @param cacheStatus How the file was found (RFC 9211).
 */
export function contentFields(
  headers: IncomingHttpHeaders,
  file: StoredFile,
  isProven: boolean,
  cacheStatus = 'blobcached; hit',
): Fields {
  const fields: Fields = ['Accept-Ranges', 'bytes', 'Cache-Status', cacheStatus]
  if (isProven) fields.push(...digestFields(headers, file.digest))
  fields.push(...encodingField(file))
  return fields
}

/** The coding that the bytes were stored with, unless that cannot be sent. */
export function encodingField({ attributes }: Pick<StoredFile, 'attributes'>): Fields {
  const encoding = attributes[CONTENT_ENCODING]
  return encoding !== undefined && isFieldValue(encoding) ? ['Content-Encoding', encoding] : []
}

export function bodyFields(type: string, length: number): Fields {
  return ['Content-Type', type, 'Content-Length', length]
}

/**
 * Has clients save the file instead of showing it.
 * @param download The name to save it under; the last part of the file's own where it is empty.
 */
export function dispositionField(
  download: string,
  file: Pick<StoredFile, 'name' | 'hash'>,
): Fields {
  return ['Content-Disposition', contentDisposition(basename(download || (file.name ?? file.hash)))]
}

/** The type it was stored with, unless that cannot be sent. */
export function contentTypeOf({ type }: Pick<StoredFile, 'type'>): string {
  return type !== undefined && isFieldValue(type) ? type : 'application/octet-stream'
}

/**
 * A hash always means the same bytes, so that what a cache has stays right; but what was to live
 * for an hour shall not live on for a year in a cache. Neither `public` nor `private`: whether a
 * shared cache may keep an answer follows from whether the request had to say who asks.
 */
export function cacheControl(file: StoredFile, by: AskedBy, isProven: boolean): string {
  if (by === 'name' || !isProven) return 'no-cache'
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
