import type { KeepOptions, StoredFile } from '../../index.ts'
import type { Described, Freshness, Validators } from '../../origin/index.ts'
import { CONTENT_ENCODING } from '../fields/content.ts'

/** The attributes that are kept with the name of a file that came from the origin. */
const AT = 'origin-at'
const ETAG = 'origin-etag'
const MODIFIED = 'origin-last-modified'
const CONTROL = 'origin-cache-control'
const EXPIRES = 'origin-expires'
/** Until when it may be served while the origin fails. */
const UNTIL = 'origin-stale-until'
/** Until when it may be served while it is renewed, where it also may while the origin fails. */
const RENEWING_UNTIL = 'origin-renewing-until'
/** Set where the origin has to be asked each time. */
const ASK = 'origin-ask'
/** Why the origin could not be asked when that was tried last. */
const FAILED = 'origin-failed'

/** Seconds for which a file that is no longer fresh is kept, since it may turn out to be unchanged. */
const KEEP_FOR = 7 * 24 * 3600
/** Seconds that a link can live at most: ten years. */
const MAX_TTL = 3650 * 24 * 3600
/** Seconds until a failing origin is asked again for a file that is served meanwhile. */
const RETRY = 5

/** How to keep a file as the origin has described it now. */
export function keepFresh(
  freshness: Freshness,
  validators: Validators,
  { encoding }: Pick<Described, 'encoding'>,
): KeepOptions {
  const { ttl, whileRevalidate, ifError, age } = freshness
  const { etag, lastModified, cacheControl, expires } = validators
  const isStaleAtOnce = ttl === 0 && whileRevalidate === 0
  const canRenew = etag !== undefined || lastModified !== undefined
  const now = Date.now()
  return {
    // A link lives for a second at least: where that is too long, `ASK` says so.
    ttl: Math.min(Math.max(1, ttl), MAX_TTL),
    staleFor: Math.min(whileRevalidate, MAX_TTL),
    keepFor: Math.min(Math.max(canRenew ? KEEP_FOR : 0, ifError), MAX_TTL),
    attributes: {
      [AT]: String(now - age * 1000),
      ...(etag !== undefined && { [ETAG]: etag }),
      ...(lastModified !== undefined && { [MODIFIED]: lastModified }),
      ...(cacheControl !== undefined && { [CONTROL]: cacheControl }),
      ...(expires !== undefined && { [EXPIRES]: expires }),
      ...(ifError > 0 && {
        [UNTIL]: String(now + (ttl + ifError) * 1000),
        [RENEWING_UNTIL]: String(now + (ttl + whileRevalidate) * 1000),
      }),
      ...(isStaleAtOnce && { [ASK]: 'always' }),
      ...(encoding !== undefined && { [CONTENT_ENCODING]: encoding }),
    },
  }
}

/** How to keep a stale file while the origin fails; `undefined` where it may no longer be served. */
export function keepStale({ attributes }: StoredFile, reason: string): KeepOptions | undefined {
  const left = secondsUntil(attributes[UNTIL])
  if (!(left > 0)) return undefined
  const { [ASK]: _, ...rest } = attributes
  const ttl = Math.min(RETRY, left)
  return {
    ttl,
    staleFor: Math.min(Math.max(0, secondsUntil(attributes[RENEWING_UNTIL]) - ttl), MAX_TTL),
    keepFor: Math.min(Math.max(left, KEEP_FOR), MAX_TTL),
    attributes: { ...rest, [FAILED]: reason },
  }
}

function secondsUntil(time = '0'): number {
  return Math.floor((Number(time) - Date.now()) / 1000)
}

/** What to ask the origin with whether a file is still the same; `undefined` where it cannot tell. */
export function validatorsOf({ attributes }: StoredFile): Validators | undefined {
  const { [ETAG]: etag, [MODIFIED]: lastModified } = attributes
  if (etag === undefined && lastModified === undefined) return undefined
  return { etag, lastModified, cacheControl: attributes[CONTROL], expires: attributes[EXPIRES] }
}

export function encodingOf({ attributes }: StoredFile): string | undefined {
  return attributes[CONTENT_ENCODING]
}

/** Whether the origin has to be asked although the file's time is not over. */
export function isToBeAskedFor({ attributes }: StoredFile): boolean {
  return attributes[ASK] !== undefined
}

/** Why the origin could not be asked when that was tried last. */
export function failureKept({ attributes }: StoredFile): string | undefined {
  return attributes[FAILED]
}

/** Seconds since the origin has said that the file is so (RFC 9111, 5.1); `undefined` for other files. */
export function ageOf({ attributes }: StoredFile): number | undefined {
  const at = Number(attributes[AT])
  return at >= 0 ? Math.max(0, Math.floor((Date.now() - at) / 1000)) : undefined
}
