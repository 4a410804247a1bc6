import type { Versions } from '../../engine/engine.ts'
import { MAX_TTL } from '../../engine/key.ts'
import { endOf, keptBeyond, type Link } from './link.ts'
import { TOMBSTONE_TTL, type Tombstone } from './tombstone.ts'

/** What is under the key of a link: a link, also one whose time is over, or its deletion. */
export type Entry = Link | Tombstone

/** Which of two entries is the newer one, and for how long it matters. */
export const versions: Versions<Entry> = {
  of: (entry) => ('deletedAt' in entry ? entry.deletedAt : (entry.version ?? entry.storedAt)),
  ttl(entry) {
    if ('deletedAt' in entry) return remaining(entry.deletedAt, TOMBSTONE_TTL)
    if (entry.endsAt !== undefined) {
      return remaining(entry.endsAt, Math.max(TOMBSTONE_TTL, keptBeyond(entry)))
    }
    return entry.ttl === 0 ? 0 : remaining(entry.storedAt, keptFor(entry))
  },
}

/** Returns the link of an entry, unless its time is over. */
export function toLink(entry: Entry | undefined): Link | undefined {
  const link = toKeptLink(entry)
  return link && endOf(link) > Date.now() ? link : undefined
}

/** Returns the link of an entry, also one whose time is over. */
export function toKeptLink(entry: Entry | undefined): Link | undefined {
  return entry === undefined || 'deletedAt' in entry ? undefined : entry
}

/** Returns whether both are the same write of the same content. */
export function isSameEntry(one: Entry, other: Entry): boolean {
  const [first, second] = [toKeptLink(one), toKeptLink(other)]
  const isSameContent = first?.manifest.digest.hex === second?.manifest.digest.hex
  return isSameContent && versions.of(one) === versions.of(other)
}

/** Returns the seconds for which the engine keeps the record of a link that is stored now; 0 is no limit. */
export function keptFor(link: Link): number {
  return link.ttl === 0 ? 0 : Math.min(link.ttl + keptBeyond(link), MAX_TTL)
}

/** Returns `link` as if it were stored at that time. */
export function restored({ endsAt: _, version: __, ...link }: Link, storedAt: number): Link {
  return { ...link, storedAt }
}

/** Returns the seconds from when `link` was stored until the later of both ends; 0 when one has none. */
export function longerLife(existing: Link, link: Link): number {
  if (existing.ttl === 0 || link.ttl === 0) return 0
  const left = Math.ceil((endOf(existing) - link.storedAt) / 1000)
  return Math.max(Math.min(left, MAX_TTL), link.ttl) // Clocks may differ: never past the limit.
}

/** Returns seconds, at least one; `undefined` when its time is over. */
function remaining(since: number, ttl: number): number | undefined {
  const seconds = Math.ceil((since - Date.now()) / 1000) + ttl
  return seconds > 0 ? Math.min(seconds, MAX_TTL) : undefined
}
