import type { IncomingHttpHeaders } from 'node:http'
import { isDated, modifiedSecond, parseHttpDate } from './dates.ts'
import { EntityTags, hasAsterisk } from './entity-tags.ts'
import { etagOf } from './fields.ts'

/** What the conditions of a request are compared with. */
export interface Validators {
  readonly hash: string
  /** Only a name is ever modified. */
  readonly storedAt?: Date | undefined
}

export type Verdict = 'proceed' | 'not-modified' | 'failed'

/**
 * RFC 9110, 13.2.2, steps 1 to 4; `current` is undefined where there is no file. Dates that are none
 * are ignored, and so are dates where nothing is ever modified.
 */
export function evaluate(
  method: string,
  headers: IncomingHttpHeaders,
  current: Validators | undefined,
): Verdict {
  const isRead = method === 'GET' || method === 'HEAD'
  if (headers['if-match']) {
    const tags = new EntityTags(headers['if-match'])
    if (current === undefined || !tags.hasStrong(current.hash)) return 'failed'
  } else if (isModifiedSince(headers['if-unmodified-since'], current)) {
    return 'failed'
  }
  if (headers['if-none-match']) {
    const field = headers['if-none-match']
    if (current === undefined) return 'proceed'
    if (!isRead && hasAsterisk(field)) return 'failed'
    if (!new EntityTags(field).has(current.hash)) return 'proceed'
    return isRead ? 'not-modified' : 'failed'
  }
  const since = headers['if-modified-since']
  if (isRead && isModifiedSince(since, current) === false) return 'not-modified'
  return 'proceed'
}

/**
 * Step 5: whether a Range field counts. If-Range is one strong entity tag, or the date that was sent as Last-Modified;
 * anything else does not match (RFC 9110, 13.1.5).
 */
export function mayServeRange(ifRange: string | undefined, current: Validators): boolean {
  if (ifRange === undefined) return true
  const date = parseHttpDate(ifRange)
  if (date === undefined) return ifRange === etagOf(current.hash)
  const { storedAt } = current
  return storedAt !== undefined && isDated(storedAt) && date === modifiedSecond(storedAt)
}

export function isConditional(headers: IncomingHttpHeaders): boolean {
  return CONDITIONS.some((name) => headers[name])
}

const CONDITIONS = [
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
] as const

function isModifiedSince(
  field: string | undefined,
  current: Validators | undefined,
): boolean | undefined {
  const date = parseHttpDate(field ?? '')
  if (date === undefined || current?.storedAt === undefined) return undefined
  return modifiedSecond(current.storedAt) > date
}
