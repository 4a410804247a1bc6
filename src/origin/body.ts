import { createHash, type Hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import { parseDictionary } from 'structured-headers'
import { StreamPieces } from '../stream-pieces.ts'
import type { HttpResponse } from '../transport.ts'
import { OriginError } from './errors.ts'

/** What a body has to be. */
export interface BodyChecks {
  /** Bytes, where they are known beforehand. */
  readonly size: number | undefined
  /** Bytes that it may have. */
  readonly maxSize: number
  readonly digests: readonly AnnouncedDigest[]
  /** Milliseconds to wait for the next piece. */
  readonly idleMs: number
}

/** Told of what happens to a body. */
export interface BodyProgress {
  /** It is being read. */
  began(): void
  received(bytes: number): void
  /** There are bytes to be taken by its reader; then, that they were. */
  offered(): void
  taken(): void
  /** Returns the error to throw in place of one that ended the body. */
  explain(error: unknown): unknown
  /** No more of it will be read. */
  ended(): void
}

/**
 * Returns the body of an answer while it comes. The last piece follows when the whole has the length and the
 * digests that were announced: a reader of a wrong body never has all of it. Destroy it to leave the rest.
 */
export function openBody(
  response: HttpResponse,
  checks: BodyChecks,
  progress: BodyProgress,
): Readable {
  const body = Readable.from(checkedPieces(response, checks, progress), { objectMode: false })
  body.on('error', () => {}) // It may fail before it is read.
  body.once('close', () => {
    if (!response.readableEnded) response.destroy()
  })
  return body
}

/** @throws {OriginError} */
async function* checkedPieces(
  response: HttpResponse,
  { size: expected, maxSize, digests, idleMs }: BodyChecks,
  progress: BodyProgress,
): AsyncGenerator<Buffer, void, undefined> {
  const pieces = new StreamPieces(response)
  let held: Buffer | undefined
  let size = 0
  progress.began()
  try {
    for (;;) {
      const { done, value } = await within(idleMs, pieces.next(), response)
      if (done) break
      progress.received(value.length)
      size += value.length
      if (size > maxSize) throw tooLarge(maxSize)
      for (const { state } of digests) state.update(value)
      if (held !== undefined) yield* offer(held, progress)
      held = value as Buffer
    }
    const isWhole = response.complete && (expected === undefined || size === expected)
    if (!isWhole)
      throw new OriginError('origin-failed', 'the origin ended in the middle of the file')
    for (const digest of digests) check(digest)
    if (held !== undefined) yield* offer(held, progress)
  } catch (error) {
    throw progress.explain(error)
  } finally {
    progress.ended()
  }
}

function* offer(piece: Buffer, progress: BodyProgress): Generator<Buffer, void, undefined> {
  progress.offered()
  yield piece
  progress.taken()
}

/** @param size Bytes that the file has, where that is known. */
export function tooLarge(maxSize: number, size?: number): OriginError {
  return new OriginError('origin-failed', `the origin's file has more than ${maxSize} bytes`, {
    size,
  })
}

/** A digest that the body must have. */
export interface AnnouncedDigest {
  readonly field: string
  readonly state: Hash
  readonly expected: Buffer
}

/** The algorithms of RFC 9530, 5, that are fit for this; others, and what cannot be parsed, are ignored. */
const ALGORITHMS: Record<string, string> = { 'sha-256': 'sha256', 'sha-512': 'sha512' }

/**
 * The digests in these fields: Content-Digest is of the body, Repr-Digest of the whole file (RFC 9530).
 * @param hash The SHA-256 to expect in any case, in hexadecimal digits.
 */
export function announcedDigests(
  headers: IncomingHttpHeaders,
  fields: readonly ('content-digest' | 'repr-digest')[],
  hash?: string,
): AnnouncedDigest[] {
  const digests = fields.flatMap((field) => digestsIn(field, headers[field]))
  if (hash === undefined) return digests
  const expected = Buffer.from(hash, 'hex')
  return [{ field: 'hash', state: createHash('sha256'), expected }, ...digests]
}

function digestsIn(field: string, value: string | string[] | undefined): AnnouncedDigest[] {
  const members = value === undefined ? undefined : dictionaryOf(String(value))
  return Object.entries(ALGORITHMS).flatMap(([name, algorithm]) => {
    const bytes = members?.get(name)?.[0]
    if (!(bytes instanceof ArrayBuffer)) return []
    return [{ field, state: createHash(algorithm), expected: Buffer.from(bytes) }]
  })
}

function dictionaryOf(field: string) {
  try {
    return parseDictionary(field)
  } catch {
    return undefined
  }
}

function check({ field, state, expected }: AnnouncedDigest): void {
  if (state.digest().equals(expected)) return
  throw new OriginError('origin-failed', `the origin's bytes do not have their ${field}`)
}

/** Ends the response when `ms` pass before the next piece comes. */
function within<T>(ms: number, next: Promise<T>, response: HttpResponse): Promise<T> {
  const timer = setTimeout(() => {
    response.destroy(
      new OriginError('origin-timeout', `no byte from the origin for ${ms / 1000} s`),
    )
  }, ms)
  return next.finally(() => clearTimeout(timer))
}
