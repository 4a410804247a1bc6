import { CorruptError, UnavailableError } from '../../errors.ts'
import { describeRef, type ParsedRef } from '../file-ref.ts'
import { keptFor, longerLife, restored, toKeptLink, toLink, versions } from './entry.ts'
import type { Link } from './link.ts'
import { Links, type LinkWritten, PLACED, placed, type Seen } from './links.ts'
import { BRIEF_TOMBSTONE_TTL, TOMBSTONE_TTL } from './tombstone.ts'

/** How often a link is looked at again because others write it at the same time. */
const MAX_LOOKS = 8

/** Links with one copy each: what memcached does last decides, and compare and swap tells what that was. */
export class SingleLinks extends Links {
  protected readonly skipsDisproved = false

  async put(ref: ParsedRef, link: Link): Promise<LinkWritten> {
    const { key, record } = this.encode(ref, link)
    const options = placed(keptFor(link))
    const added = await this.engine.add(key, record, options)
    if (added > 0) return { link, created: true, copies: added }
    return { link, created: false, copies: await this.engine.set(key, record, options) }
  }

  async putOver(ref: ParsedRef, link: Link, over: Seen): Promise<LinkWritten | undefined> {
    const added = over.entry === undefined ? await this.add(ref, link) : 0
    if (added > 0) return { link, created: true, copies: added }
    const { current, put } = await this.#look(ref)
    if (this.isOther(current, over) || !(await put(link))) return undefined
    return { link, created: current === undefined, copies: 1 }
  }

  async prolong(ref: ParsedRef, link: Link, telling: boolean): Promise<LinkWritten> {
    if (link.ttl === 0) {
      if (telling) return this.put(ref, link)
      return { link, created: false, copies: await this.#set(ref, link) }
    }
    const added = await this.add(ref, link)
    if (added > 0) return { link, created: true, copies: added }
    for (let looks = 1; ; looks++) {
      const { current, put } = await this.#look(ref)
      const existing = current && !this.isDisproved(current) ? toLink(current) : undefined
      const lasting = existing ? { ...link, ttl: longerLife(existing, link) } : link
      const written = { link: lasting, created: false, copies: 1 }
      if (await put(lasting)) return written
      // So many uploads of the same content at once have about the same life.
      if (looks === MAX_LOOKS) return { ...written, copies: await this.#set(ref, lasting) }
    }
  }

  async delete(
    ref: ParsedRef,
    isFilled: boolean,
    isMeant?: (link: Link) => boolean,
  ): Promise<boolean> {
    if (isFilled || isMeant !== undefined) {
      const isMeantThere = (link?: Link) => isMeant === undefined || (!!link && isMeant(link))
      return this.#bury(ref, isFilled ? TOMBSTONE_TTL : BRIEF_TOMBSTONE_TTL, isMeantThere)
    }
    // What is kept beyond its end, to be made valid again, is not there for those who ask.
    const isThere = await this.#isThere(ref)
    return (await this.engine.delete(this.key(ref), PLACED)) && isThere
  }

  async keepDeleted(ref: ParsedRef): Promise<void> {
    await this.#bury(ref, TOMBSTONE_TTL, (link, isDamaged) => link === undefined && !isDamaged)
  }

  protected async restore(ref: ParsedRef): Promise<boolean> {
    const { current, put } = await this.#look(ref)
    const link = toLink(current)
    if (link === undefined) return false
    if (await put(restored(link, Date.now()))) return true
    return (await this.readUnlessCorrupt(ref)) !== undefined
  }

  /** Reads what is there, for a write in the place of just that. */
  async #look(ref: ParsedRef) {
    const key = this.key(ref)
    const slot = await this.engine.look!(key)
    const current = slot.current && this.decode(slot.current, key, ref)
    return {
      current,
      isDamaged: slot.current !== undefined && current === undefined,
      /** Resolves with false when something else is there by now, and so does `bury`. */
      put: (link: Link) => slot.put(this.encode(ref, link).record, keptFor(link)),
      /** With a later time than what is there, from which a fill tells two deletions. */
      bury: (ttl: number) => {
        const deletedAt = Math.max(Date.now(), current === undefined ? 0 : versions.of(current) + 1)
        return slot.put(this.encodeTombstone(key, { deletedAt }), ttl)
      },
    }
  }

  /**
   * Puts a tombstone in the place of what was looked at, and of nothing else: a fill has to see it. Resolves with whether
   * there was a link whose time is not over.
   * @param isMeant Whether to do so where that link, or what does not prove itself, is there.
   */
  async #bury(
    ref: ParsedRef,
    ttl: number,
    isMeant: (link: Link | undefined, isDamaged: boolean) => boolean,
  ): Promise<boolean> {
    for (let looks = 1; looks <= MAX_LOOKS; looks++) {
      const { current, isDamaged, bury } = await this.#look(ref)
      const link = toKeptLink(current)
      if (!isMeant(link, isDamaged)) return false
      if (await bury(ttl)) return isDamaged || toLink(link) !== undefined
    }
    throw new UnavailableError(`${describeRef(ref)} is written to or deleted at the same time`)
  }

  /** Whether there is a link that has not ended, sound or not. */
  async #isThere(ref: ParsedRef): Promise<boolean> {
    try {
      return (await this.read(ref)) !== undefined
    } catch (error) {
      if (error instanceof CorruptError) return true
      throw error
    }
  }

  #set(ref: ParsedRef, link: Link): Promise<number> {
    const { key, record } = this.encode(ref, link)
    return this.engine.set(key, record, placed(keptFor(link)))
  }
}
