import { CorruptError, UnavailableError } from '../../errors.ts'
import type { ParsedRef } from '../file-ref.ts'
import type { Finder, Found } from '../reading/finder.ts'
import type { StoredFile } from '../reading/stored-file.ts'
import { endOf, keptBeyond } from '../records/link.ts'
import type { FillOptions } from './produce.ts'
import type { FillReason } from './result.ts'

/** No file can be served. */
export interface Missing {
  readonly reason: FillReason
  /** The file whose time is over, while its record is kept. */
  readonly stale?: StoredFile | undefined
  /** Why it could not be looked for. */
  readonly error?: UnavailableError
  readonly found?: undefined
}

/** A file to serve, or why there is none. */
export type Look =
  /** `missing` for one whose time is over, and that is served while it is renewed. */
  { readonly found: Found; readonly missing?: Missing } | Missing

/** Looks for a file that a fill would make: one command. Rejects as `Finder.find` does otherwise. */
export async function lookUp(
  finder: Finder,
  ref: ParsedRef,
  { unusable, prefetch }: Pick<FillOptions, 'unusable' | 'prefetch'>,
): Promise<Look> {
  let found: Found | undefined
  try {
    found = await finder.find(ref, { prefetch }, true)
  } catch (error) {
    if (error instanceof CorruptError) return { reason: 'corrupt' }
    if (error instanceof UnavailableError) return { reason: 'unavailable', error }
    throw error
  }
  if (found === undefined) return { reason: 'not-found' }
  const { file, link } = found
  if (unusable !== undefined && isSame(unusable.file, file)) {
    return { reason: unusable.reason, ...(unusable.reason === 'expired' && { stale: file }) }
  }
  const secondsOver = (Date.now() - endOf(link)) / 1000
  if (secondsOver < 0) return { found }
  const isKept = secondsOver < keptBeyond(link)
  const missing: Missing = { reason: 'expired', ...(isKept && { stale: file }) }
  return secondsOver < (link.staleFor ?? 0) ? { found, missing } : missing
}

/** Whether nothing was stored in its place since it was found. */
function isSame(one: StoredFile, other: StoredFile): boolean {
  return one.hash === other.hash && one.storedAt.getTime() === other.storedAt.getTime()
}
