import type { Predecessors, ReplaceOptions, Successor } from '../../engine/engine.ts'
import { MAX_TTL } from '../../engine/key.ts'
import type { ParsedRef } from '../file-ref.ts'
import { type Entry, keptFor, longerLife, restored, toKeptLink, toLink, versions } from './entry.ts'
import { keptBeyond, type Link, MAX_TIME } from './link.ts'
import { Links, type LinkWritten, type Seen } from './links.ts'
import { BRIEF_TOMBSTONE_TTL, TOMBSTONE_TTL } from './tombstone.ts'

/**
 * What to put in the place of all copies; `undefined` leaves everything as it is.
 * @param later Makes a time later than any that is known.
 */
type Next = (
  there: Predecessors<Entry>,
  later: (now: number) => number,
) => Successor<Entry> | undefined

/**
 * No time: what is made for the place of one entry is just newer than that, so that whatever else is written at the same
 * time, in the same millisecond too, is newer still. Where a server is away, which may have kept something, the time counts.
 */
const JUST = 0

/**
 * Links with several copies, which may disagree. Each write is newer than what was there, and says so, since that may
 * come back from a server that is away or has stood in for one.
 */
export class CopiedLinks extends Links {
  /** Another copy may be the link that was stored. */
  protected readonly skipsDisproved = true

  put(ref: ParsedRef, link: Link): Promise<LinkWritten> {
    return this.#supersede(ref, link)
  }

  async putOver(ref: ParsedRef, link: Link, over: Seen): Promise<LinkWritten | undefined> {
    const written = await this.#supersede(ref, link, { over })
    return written.copies > 0 ? written : undefined
  }

  prolong(ref: ParsedRef, link: Link): Promise<LinkWritten> {
    return this.#supersede(ref, link, { isProlonged: true })
  }

  async delete(
    ref: ParsedRef,
    isFilled: boolean,
    isMeant?: (link: Link) => boolean,
  ): Promise<boolean> {
    let wasThere = false
    let deletedAt = 0
    const options = { everywhere: true, isConditional: isMeant !== undefined }
    await this.#replace(ref, options, ({ newest, isDamaged, isLeft, isStored }, later) => {
      const link = toKeptLink(newest)
      if (isMeant !== undefined && !(link && isMeant(link))) return undefined
      wasThere = isDamaged || toLink(newest) !== undefined
      const ttl = isLeft || isFilled ? TOMBSTONE_TTL : BRIEF_TOMBSTONE_TTL
      // One that is to be kept longer is as new as it was: what was stored meanwhile is newer.
      const isSame = isMeant !== undefined && isStored
      if (!isSame) deletedAt = later(isMeant !== undefined && !isLeft ? JUST : Date.now())
      return this.#tombstone(ref, deletedAt, ttl)
    })
    return wasThere
  }

  /** As a write in the place of nothing: also where a copy is known to be outdated, which no reader is served. */
  override async add(ref: ParsedRef, link: Link): Promise<number> {
    const over = { entry: undefined, at: link.storedAt }
    return (await this.#supersede(ref, link, { over })).copies
  }

  async keepDeleted(ref: ParsedRef): Promise<void> {
    await this.#replace(ref, { everywhere: true }, ({ newest, isDamaged }, later) => {
      if (newest === undefined || isDamaged || toKeptLink(newest) !== undefined) return undefined
      // Just newer than the tombstone which is there, and older than an upload that was not seen.
      return this.#tombstone(ref, later(JUST), TOMBSTONE_TTL)
    })
  }

  protected async restore(ref: ParsedRef): Promise<boolean> {
    const now = Date.now()
    const copies = await this.#replace(ref, {}, ({ newest }, later) => {
      const link = toLink(newest)
      return link && this.#successor(ref, dated(restored(link, now), later(now)))
    })
    return copies > 0
  }

  /**
   * Puts a link in the place of what is there, which may be a tombstone.
   * @param isProlonged Whether it lives at least as long as the link before.
   * @param over Store it in the place of this alone; of anything else 0 copies are written.
   */
  async #supersede(
    ref: ParsedRef,
    link: Link,
    { isProlonged = false, over }: { isProlonged?: boolean; over?: Seen } = {},
  ): Promise<LinkWritten> {
    let created = true
    let written = link
    const next: Next = ({ newest, version: known, isDamaged, isLeft }, later) => {
      if (over !== undefined && this.isOther(newest, over)) return undefined
      const existing = toLink(newest)
      created = !isDamaged && existing === undefined
      const ttl = isProlonged && existing ? longerLife(existing, link) : link.ttl
      const isJust = over !== undefined && newest !== undefined && !isLeft
      const version = later(isJust ? JUST : (over?.at ?? link.storedAt))
      written = dated({ ...link, ttl }, version)
      const isFirst = known === 0 && !isDamaged && !isLeft
      if (isFirst || ttl === 0 || ref.name === undefined) return this.#successor(ref, written)
      // The link before may outlive this one, which has to go on being newer.
      written = { ...written, endsAt: written.storedAt + ttl * 1000 }
      const kept = ttl + Math.max(TOMBSTONE_TTL, keptBeyond(link))
      return this.#successor(ref, written, Math.min(kept, MAX_TTL))
    }
    const copies = await this.#replace(ref, { isConditional: over !== undefined }, next)
    return { link: written, created, copies }
  }

  #successor(ref: ParsedRef, link: Link, ttl = keptFor(link)): Successor<Entry> {
    return { value: this.encode(ref, link).record, proven: link, ttl }
  }

  #tombstone(ref: ParsedRef, deletedAt: number, ttl: number): Successor<Entry> {
    const entry = { deletedAt }
    return { value: this.encodeTombstone(this.key(ref), entry), proven: entry, ttl }
  }

  /** Puts what `next` makes in the place of all copies; resolves with 0 if it makes nothing. */
  #replace(
    ref: ParsedRef,
    options: Pick<ReplaceOptions<Entry>, 'everywhere' | 'isConditional'>,
    next: Next,
  ): Promise<number> {
    const key = this.key(ref)
    let last = 0
    // The copies are alike, mostly: the second one need not be decoded again. What is disproved has a
    // version too, which the successor has to pass.
    const prove = (record: Buffer) => {
      const known = this.known(ref)
      return known?.isSame(record) ? known.link : this.decode(record, key, ref)
    }
    const successor = (there: Predecessors<Entry>) =>
      next(there, (now) => {
        const least = there.version + (now === JUST ? 1 : 2)
        last = Math.min(Math.max(now, least, last + 1), MAX_TIME)
        return last
      })
    return this.engine.replace!(key, prove, successor, { versions, ...options })
  }
}

/** Returns `link` with this version. Its times are those of this machine's clock, whatever others were written by. */
function dated(link: Link, version: number): Link {
  return version === link.storedAt ? link : { ...link, version }
}
