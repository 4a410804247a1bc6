import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { parseHttpDate } from '../api/dates.ts'
import { contentCoding } from '../api/fields.ts'
import { contentRange, parseRange } from '../api/range.ts'
import type { HttpResponse } from '../transport.ts'
import { announcedDigests, type BodyChecks, type BodyProgress, openBody, tooLarge } from './body.ts'
import { OriginError, OtherVersionError } from './errors.ts'
import { type Freshness, type FreshnessOptions, freshnessOf, strictest } from './freshness.ts'

/** What an origin says of a version of a file, to be asked later whether it is still the same. */
export interface Validators {
  readonly etag?: string | undefined
  readonly lastModified?: string | undefined
  /** Its Cache-Control, or what Pragma says in its place, which counts again where a 304 has none; and so does Expires. */
  readonly cacheControl?: string | undefined
  readonly expires?: string | undefined
}

/** The bytes that an answer carries. */
export interface Described {
  /** The media type, where it is one that can be kept. */
  readonly type: string | undefined
  /** The Content-Encoding, if it has one. */
  readonly encoding: string | undefined
  /** Bytes, where the origin says. */
  readonly size: number | undefined
  /** Fails with an `OriginError` before the last piece, unless all of it is right. */
  readonly body: Readable
}

/** The file. */
export interface OriginContent extends Described {
  readonly kind: 'content'
  readonly freshness: Freshness
  readonly validators: Validators
}

/** The part of the file that the range asked for. */
export interface OriginPart extends Described {
  readonly kind: 'part'
  readonly contentRange: string
}

/** What the validators describe is still the file. */
export interface OriginUnchanged {
  readonly kind: 'unchanged'
  readonly freshness: Freshness
  readonly validators: Validators
}

export type OriginAnswer =
  | OriginContent
  | OriginPart
  | OriginUnchanged
  /** The file does not have the bytes of the range. */
  | { readonly kind: 'unsatisfiable'; readonly contentRange: string }
  /** There is no such file. */
  | { readonly kind: 'absent' }

/** What the answer was asked with. */
export interface Asked {
  readonly validators?: Validators | undefined
  readonly range?: string | undefined
  /** The SHA-256 that the content must have. */
  readonly hash?: string | undefined
  /** Bytes that the file may have. */
  readonly maxSize: number
}

export interface AnswerOptions extends FreshnessOptions {
  readonly timeoutMs: number
}

/** Bytes that a validator may have: it is kept with the name. */
const MAX_VALIDATOR = 512
/** Bytes of a media type that can be kept with a name. */
const MAX_TYPE = 255
/** Characters of a Content-Encoding: several codings, and not hundreds. */
const MAX_CODING = 64

/**
 * Tells what an answer means.
 * @param redirects The headers of the redirects that led to it.
 * @throws {OtherVersionError} for a 304 that is not about what the validators describe.
 * @throws {OriginError} for an answer that cannot be the file.
 */
export function answerOf(
  response: HttpResponse,
  redirects: readonly IncomingHttpHeaders[],
  asked: Asked,
  options: AnswerOptions,
  progress: BodyProgress,
): OriginAnswer {
  const { statusCode: status, headers } = response
  const common = { response, asked, options, progress }
  if (status === 404 || status === 410) return { kind: 'absent' }
  if (status === 304 && asked.validators !== undefined) {
    return unchanged(response, redirects, asked.validators, options)
  }
  if (asked.range !== undefined && status === 416) {
    const contentRange = headers['content-range'] ?? ''
    if (!/^bytes \*\/\d+$/.test(contentRange)) throw otherRange()
    return { kind: 'unsatisfiable', contentRange }
  }
  if (asked.range !== undefined && status === 206) return partOf(common, asked.range)
  if (status === 200 || status === 203) return contentOf(common, redirects)
  throw new OriginError('origin-failed', `the origin answered with status ${status}`, {
    retryAfter: secondsUntil(headers['retry-after']),
    allowsStale: status >= 500,
  })
}

/** Seconds that a Retry-After can ask for. */
const MAX_RETRY_AFTER = 999_999

/** The seconds of a Retry-After; `undefined` for what is over, or longer than some days. */
function secondsUntil(field = ''): number | undefined {
  const isNumber = /^\d+$/.test(field)
  const seconds = isNumber
    ? Number(field)
    : Math.ceil((parseHttpDate(field) ?? 0) - Date.now() / 1000)
  return seconds >= 0 && seconds <= MAX_RETRY_AFTER ? seconds : undefined
}

interface Common {
  readonly response: HttpResponse
  readonly asked: Asked
  readonly options: AnswerOptions
  readonly progress: BodyProgress
}

function contentOf(common: Common, redirects: readonly IncomingHttpHeaders[]): OriginContent {
  const { response, asked, options } = common
  const { headers } = response
  const digests = announcedDigests(headers, ['content-digest', 'repr-digest'], asked.hash)
  const length = headers['content-length']
  const isDelimited = length !== undefined || headers['transfer-encoding'] !== undefined
  const freshness = freshnessAfter(redirects, withAllAges(response), options)
  // A body that ends with its connection could be a part of one, unless a digest tells.
  const isStorable = freshness.isStorable && (isDelimited || digests.length > 0)
  return {
    kind: 'content',
    freshness: { ...freshness, isStorable },
    validators: validatorsOf(headers),
    ...describe(common, { size: length === undefined ? undefined : Number(length), digests }),
  }
}

function partOf(common: Common, asked: string): OriginPart {
  const { headers } = common.response
  const field = String(headers['content-range'])
  const total = Number(/\/(\d+)$/.exec(field)?.[1])
  const ranges = parseRange(asked, total)
  const [range, second] = ranges === 'unsatisfiable' ? [] : (ranges ?? [])
  if (range === undefined || second !== undefined || field !== contentRange(range, total)) {
    throw otherRange()
  }
  const digests = announcedDigests(headers, ['content-digest'])
  const size = range.end - range.start
  return { kind: 'part', contentRange: field, ...describe(common, { size, digests }) }
}

function otherRange(): OriginError {
  return new OriginError('origin-failed', 'the origin sends another range than it was asked for')
}

function describe(
  { response, asked: { maxSize }, options: { timeoutMs: idleMs }, progress }: Common,
  { size, digests }: Pick<BodyChecks, 'size' | 'digests'>,
): Described {
  const { 'content-type': type, 'content-encoding': field } = response.headers
  const transfer = response.headers['transfer-encoding'] ?? 'chunked'
  if (transfer.toLowerCase() !== 'chunked') {
    throw new OriginError('origin-failed', 'the origin sends a Transfer-Encoding that is not known')
  }
  const encoding = contentCoding(field)
  if (encoding === undefined || encoding.length > MAX_CODING) {
    throw new OriginError('origin-failed', 'the origin sends a Content-Encoding that is not known')
  }
  if (size !== undefined && size > maxSize) throw tooLarge(maxSize, size)
  return {
    type: type !== undefined && Buffer.byteLength(type) <= MAX_TYPE ? type : undefined,
    encoding: encoding === 'identity' ? undefined : encoding,
    size,
    body: openBody(response, { size, maxSize, digests, idleMs }, progress),
  }
}

/** RFC 9111, 4.3.4: what the 304 says takes the place of what was said before. */
function unchanged(
  response: HttpResponse,
  redirects: readonly IncomingHttpHeaders[],
  known: Validators,
  options: FreshnessOptions,
): OriginUnchanged {
  const headers = withAllAges(response)
  // What is too long to be kept may be the tag of the version which is known without one.
  const etag = known.etag === undefined ? kept(headers.etag) : headers.etag
  if (etag !== undefined && !isSameTag(etag, known.etag)) throw new OtherVersionError()
  const { 'last-modified': modified = known.lastModified } = headers
  if (known.etag === undefined && modified !== known.lastModified) throw new OtherVersionError()
  const cacheControl = cacheControlOf(headers) ?? known.cacheControl
  const expires = headers.expires ?? known.expires
  const all = {
    ...headers,
    ...(cacheControl !== undefined && { 'cache-control': cacheControl }),
    ...(expires !== undefined && { expires }),
  }
  return {
    kind: 'unchanged',
    freshness: freshnessAfter(redirects, all, options),
    validators: isLong(cacheControl) || isLong(expires) ? {} : { ...known, ...validatorsOf(all) },
  }
}

/** RFC 9111, 5.4: Pragma stands for it where there is none. */
function cacheControlOf({ 'cache-control': field, pragma }: IncomingHttpHeaders) {
  return field ?? (/no-cache/i.test(pragma ?? '') ? 'no-cache' : undefined)
}

/** Of several Age fields `headers` has the first alone. */
function withAllAges({ headers, headersDistinct: { age } }: HttpResponse): IncomingHttpHeaders {
  return age === undefined ? headers : { ...headers, age: age.join(',') }
}

function freshnessAfter(
  redirects: readonly IncomingHttpHeaders[],
  headers: IncomingHttpHeaders,
  options: FreshnessOptions,
): Freshness {
  const own = freshnessOf(headers, options)
  return redirects.reduce((least, each) => strictest(least, each, options), own)
}

/** RFC 9110, 8.8.3.2: the weak comparison. */
function isSameTag(one: string, other: string | undefined): boolean {
  return one.replace(/^W\//, '') === other?.replace(/^W\//, '')
}

function isLong(field: string | undefined): boolean {
  return field !== undefined && field.length > MAX_VALIDATOR
}

function kept(field: string | undefined): string | undefined {
  return isLong(field) ? undefined : field
}

/** Without those that are too long to be kept; none with a Cache-Control too long to count again. */
function validatorsOf(headers: IncomingHttpHeaders): Validators {
  const cacheControl = cacheControlOf(headers)
  if (isLong(cacheControl) || isLong(headers.expires)) return {}
  const etag = kept(headers.etag)
  const lastModified = kept(headers['last-modified'])
  const { expires } = headers
  return {
    ...(etag !== undefined && { etag }),
    ...(lastModified !== undefined && { lastModified }),
    ...(cacheControl !== undefined && { cacheControl }),
    ...(expires !== undefined && { expires }),
  }
}
