import { CorruptError, UnavailableError } from '../../errors.ts'
import type { ParsedRef } from '../file-ref.ts'
import type { Finder, Found } from '../reading/finder.ts'
import type { StoredFile } from '../reading/stored-file.ts'
import type { Entry } from '../records/entry.ts'
import { endOf, keptBeyond, type Link } from '../records/link.ts'
import type { Seen } from '../records/links.ts'
import type { FillOptions } from './produce.ts'
import type { FillReason } from './result.ts'

/** Why a file has to be produced, and what is known of it. */
export interface Missing {
  readonly reason: FillReason
  /** The file whose time is over, while its record is kept. */
  readonly stale?: StoredFile | undefined
  /** What is there under its key, where the engine answers: the file takes the place of that alone. */
  readonly seen?: Seen | undefined
  /** Why it could not be looked for. */
  readonly error?: UnavailableError
}

/** A file that can be served, one that can be served while it is renewed, or none. */
export type Look =
  | { readonly found: Found; readonly missing?: undefined }
  | { readonly found: Found; readonly missing: Missing }
  | { readonly found?: undefined; readonly missing: Missing }

/** Looks for a file that a fill would make: one command. Rejects as `Finder.find` does otherwise. */
export async function lookUp(
  finder: Finder,
  ref: ParsedRef,
  { unusable, prefetch }: Pick<FillOptions, 'unusable' | 'prefetch'>,
): Promise<Look> {
  const at = Date.now()
  let found: Found | undefined
  let entry: Entry | undefined
  try {
    ;({ found, entry } = await finder.findKept(ref, { prefetch }))
  } catch (error) {
    if (error instanceof CorruptError)
      return { missing: { reason: 'corrupt', seen: { entry, at } } }
    if (error instanceof UnavailableError) return { missing: { reason: 'unavailable', error } }
    throw error
  }
  const seen: Seen = { entry, at }
  if (found === undefined) return { missing: { reason: 'not-found', seen } }
  const { file, link } = found
  if (unusable !== undefined && isFoundBy(unusable.file, link)) {
    const { reason } = unusable
    return { missing: { reason, seen, ...(reason === 'expired' && { stale: file }) } }
  }
  const secondsOver = (Date.now() - endOf(link)) / 1000
  if (secondsOver < 0) return { found }
  const isKept = secondsOver < keptBeyond(link)
  const missing: Missing = { reason: 'expired', seen, ...(isKept && { stale: file }) }
  return secondsOver < (link.staleFor ?? 0) ? { found, missing } : { missing }
}

/** Whether the link is the one that the file was found by: nothing was stored in its place since. */
export function isFoundBy(file: StoredFile, { manifest, storedAt }: Link): boolean {
  return file.digest.equals(manifest.digest) && file.storedAt.getTime() === storedAt
}
