import type { KeepOptions, StoredFile } from '../../index.ts'
import type { Described, Freshness, Validators } from '../../origin/index.ts'
import { CONTENT_ENCODING } from '../fields/content.ts'

/** The attributes that are kept with the name of a file that came from the origin. */
const AT = 'origin-at'
const ETAG = 'origin-etag'
const MODIFIED = 'origin-last-modified'
const CONTROL = 'origin-cache-control'
/** Until when it may be served while the origin fails. */
const UNTIL = 'origin-stale-until'
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
  const { etag, lastModified, cacheControl } = validators
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
      ...(ifError > 0 && { [UNTIL]: String(now + (ttl + ifError) * 1000) }),
      ...(isStaleAtOnce && { [ASK]: 'always' }),
      ...(encoding !== undefined && { [CONTENT_ENCODING]: encoding }),
    },
  }
}

/** How to keep a stale file while the origin fails; `undefined` where it may no longer be served. */
export function keepStale({ attributes }: StoredFile, reason: string): KeepOptions | undefined {
  const left = Math.floor((Number(attributes[UNTIL] ?? 0) - Date.now()) / 1000)
  if (!(left > 0)) return undefined
  const { [ASK]: _, ...rest } = attributes
  return {
    ttl: Math.min(RETRY, left),
    keepFor: Math.min(Math.max(left, KEEP_FOR), MAX_TTL),
    attributes: { ...rest, [FAILED]: reason },
  }
}

/** What to ask the origin with whether a file is still the same; `undefined` where it cannot tell. */
export function validatorsOf({ attributes }: StoredFile): Validators | undefined {
  const { [ETAG]: etag, [MODIFIED]: lastModified, [CONTROL]: cacheControl } = attributes
  return etag === undefined && lastModified === undefined
    ? undefined
    : { etag, lastModified, cacheControl }
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
