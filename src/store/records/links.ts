import {
  type CopyReport,
  DamagedError,
  type Engine,
  type Predecessors,
  type ReplaceOptions,
  type Successor,
  type Versions,
} from '../../engine/engine.ts'
import { MAX_TTL } from '../../engine/key.ts'
import { CorruptError, InsufficientStorageError, UnavailableError } from '../../errors.ts'
import { describeRef, type ParsedRef } from '../file-ref.ts'
import type { Keys } from './keys.ts'
import { type KnownLink, KnownLinks } from './known-links.ts'
import { decodeLink, encodeLink, endOf, keptBeyond, type Link, MAX_TIME } from './link.ts'
import { Proofs } from './proofs.ts'
import { repairValue } from './repair-value.ts'
import type { Sealer } from './seal.ts'
import {
  BRIEF_TOMBSTONE_TTL,
  decodeTombstone,
  encodeTombstone,
  TOMBSTONE_TTL,
  type Tombstone,
} from './tombstone.ts'

/** What was written, whether it is new or took the place of another link, and in how many copies it was stored. */
export interface LinkWritten {
  readonly link: Link
  readonly created: boolean
  readonly copies: number
}

/** What is under the key of a link: a link, also one whose time is over, or its deletion. */
export type Entry = Link | Tombstone

/** What was found under the key of a link, for a write that is to replace just that. */
export interface Seen {
  readonly entry: Entry | undefined
  /** When it was looked for: Unix time in milliseconds. */
  readonly at: number
  /** Whether it must still be there: for a link that gives what was found a longer life. */
  readonly mustBeThere?: boolean
}

/** Links have a copy more than chunks: without its link a file is lost. */
const PLACED = { extraCopy: true }
const placed = (ttl: number) => ({ extraCopy: true, ttl })
const versions: Versions<Entry> = {
  of: (entry) => ('deletedAt' in entry ? entry.deletedAt : (entry.version ?? entry.storedAt)),
  ttl(entry) {
    if ('deletedAt' in entry) return remaining(entry.deletedAt, TOMBSTONE_TTL)
    if (entry.endsAt !== undefined) {
      return remaining(entry.endsAt, Math.max(TOMBSTONE_TTL, keptBeyond(entry)))
    }
    return entry.ttl === 0 ? 0 : remaining(entry.storedAt, keptFor(entry))
  },
}

const VERSIONED = { versions }

/** The part of its life that a link must have left not to be renewed when it is asked for. */
const RENEWED_BELOW = 7 / 8

/** How often a link is looked at again because others write it at the same time. */
const MAX_LOOKS = 8

/** The links of one store, by hash and by name. */
export class Links {
  readonly #engine: Engine
  readonly #keys: Keys
  readonly #sealer: Sealer
  readonly #proofs: Proofs
  readonly #known = new KnownLinks()

  constructor(engine: Engine, keys: Keys, sealer: Sealer, proofs = new Proofs()) {
    this.#engine = engine
    this.#keys = keys
    this.#sealer = sealer
    this.#proofs = proofs
  }

  /** What the ref led to when it was read last, if that is remembered: a guess at what it leads to now. */
  known(ref: ParsedRef): KnownLink | undefined {
    return this.#known.get(ref)
  }

  /**
   * Reads the link. A record that is the known one, byte for byte, is not proved again.
   * @throws {CorruptError} when there is a record that does not prove itself, or whose manifest was
   * disproved. It is left alone.
   */
  read(ref: ParsedRef, known = this.known(ref)): Promise<Link | undefined> {
    return this.#read(ref, known, toLink)
  }

  /** As `read`, and resolves with whatever the engine keeps, for `putOver`. */
  readEntry(ref: ParsedRef, known = this.known(ref)): Promise<Entry | undefined> {
    return this.#read(ref, known, (entry) => entry)
  }

  /** As `readEntry`, for `putOver`; what does not prove itself counts as nothing. */
  async see(ref: ParsedRef): Promise<Seen> {
    const at = Date.now()
    return { entry: await this.readEntry(ref).catch(unlessCorrupt), at }
  }

  async #read<E extends Entry>(
    ref: ParsedRef,
    known: KnownLink | undefined,
    take: (entry: Entry | undefined) => E | undefined,
  ): Promise<E | undefined> {
    const key = known?.key ?? this.#keys.link(ref)
    const prove = (record: Buffer) =>
      known?.isSame(record) ? this.#unlessDisproved(known.link) : this.#prove(record, key, ref)
    try {
      const entry = take(await this.#engine.get(key, prove, VERSIONED))
      if (entry === undefined || !this.#isDisproved(entry)) return entry
    } catch (error) {
      throw corruptIfDamaged(error, ref)
    }
    throw new CorruptError(`the chunks of ${describeRef(ref)} are not the content of its hash`)
  }

  /** As `read`, and writes again what copies of the record are missing, outdated or wrong. */
  async repair(ref: ParsedRef): Promise<{ link: Link | undefined; copies: CopyReport }> {
    const key = this.#keys.link(ref)
    const prove = (record: Buffer) => this.#prove(record, key, ref)
    try {
      const { proven, copies } = await repairValue(this.#engine, key, prove, VERSIONED)
      return { link: toLink(proven), copies }
    } catch (error) {
      throw corruptIfDamaged(error, ref)
    }
  }

  async readUnlessCorrupt(ref: ParsedRef): Promise<Link | undefined> {
    return this.read(ref).catch(unlessCorrupt)
  }

  /** Stores a link unless there is one, readable or not; resolves with 0 copies then. */
  add(ref: ParsedRef, link: Link): Promise<number> {
    const { key, record } = this.#encode(ref, link)
    return this.#engine.add(key, record, placed(keptFor(link)))
  }

  /** Stores a link in the place of any other: readers see the old one or the new one, whole. */
  async put(ref: ParsedRef, link: Link): Promise<LinkWritten> {
    if (this.#hasCopies) return this.#supersede(ref, link)
    const { key, record } = this.#encode(ref, link)
    const options = placed(keptFor(link))
    const added = await this.#engine.add(key, record, options)
    if (added > 0) return { link, created: true, copies: added }
    return { link, created: false, copies: await this.#engine.set(key, record, options) }
  }

  /**
   * As `put`, unless another link was stored or this one deleted since `over` was read; resolves with `undefined`
   * then. What does not prove itself is replaced.
   */
  async putOver(ref: ParsedRef, link: Link, over: Seen): Promise<LinkWritten | undefined> {
    if (this.#hasCopies) {
      const written = await this.#supersede(ref, link, { over })
      return written.copies > 0 ? written : undefined
    }
    const added = over.entry === undefined ? await this.add(ref, link) : 0
    if (added > 0) return { link, created: true, copies: added }
    const { current, put } = await this.#look(ref)
    if (this.#isOther(current, over) || !(await put(link))) return undefined
    return { link, created: current === undefined, copies: 1 }
  }

  /**
   * As `put`, and gives the link the longer of its own life and that of the one which is there.
   * @param telling Whether `created` has to be told: where it need not, a link without an end takes one trip.
   */
  async prolong(ref: ParsedRef, link: Link, telling: boolean): Promise<LinkWritten> {
    if (this.#hasCopies) return this.#supersede(ref, link, { isProlonged: true })
    if (link.ttl === 0) {
      if (telling) return this.put(ref, link)
      return { link, created: false, copies: await this.#set(ref, link, 0) }
    }
    const added = await this.add(ref, link)
    if (added > 0) return { link, created: true, copies: added }
    for (let looks = 1; ; looks++) {
      const { current, put } = await this.#look(ref)
      const existing = current && !this.#isDisproved(current) ? toLink(current) : undefined
      const lasting = existing ? { ...link, ttl: longerLife(existing, link) } : link
      const written = { link: lasting, created: false, copies: 1 }
      if (await put(lasting)) return written
      // So many uploads of the same content at once have about the same life.
      if (looks === MAX_LOOKS) {
        return { ...written, copies: await this.#set(ref, lasting, keptFor(lasting)) }
      }
    }
  }

  /**
   * Gives a link that was just read its whole life again, and resolves with whether it is there. A link ends
   * when its record says so, so that the record is written again: as if it were stored now, once an eighth
   * of its life is over.
   */
  async renew(ref: ParsedRef, link: Link): Promise<boolean> {
    if (link.ttl === 0) return this.#engine.touch(this.#keys.link(ref), 0, PLACED)
    const now = Date.now()
    if (endOf(link) - now > link.ttl * RENEWED_BELOW * 1000) return true
    try {
      if (this.#hasCopies) return (await this.#renewCopies(ref, now)) > 0
      return await this.#renewOnly(ref, now)
    } catch (error) {
      if (error instanceof InsufficientStorageError) return false // Memcached dropped what was there.
      throw error
    }
  }

  /**
   * Resolves with whether there was one whose time is not over.
   * @param isFilled Whether a fill may be under way, which has to see the deletion before it stores the file.
   * @param isMeant Whether to delete this one. Default: whatever is there.
   */
  async delete(
    ref: ParsedRef,
    isFilled: boolean,
    isMeant?: (link: Link) => boolean,
  ): Promise<boolean> {
    const key = this.#keys.link(ref)
    if (!this.#hasCopies) {
      if (isFilled || isMeant !== undefined) {
        const isMeantThere = (link?: Link) => isMeant === undefined || (!!link && isMeant(link))
        return this.#bury(ref, isFilled ? TOMBSTONE_TTL : BRIEF_TOMBSTONE_TTL, isMeantThere)
      }
      // What is kept beyond its end, to be made valid again, is not there for those who ask.
      const isThere = await this.#isThere(ref)
      return (await this.#engine.delete(key, PLACED)) && isThere
    }
    let wasThere = false
    await this.#replace(ref, { everywhere: true }, ({ newest, isDamaged, isLeft }, storedAt) => {
      const link = toKeptLink(newest)
      if (isMeant !== undefined && !(link && isMeant(link))) return undefined
      wasThere = isDamaged || toLink(newest) !== undefined
      const entry: Tombstone = { deletedAt: storedAt(Date.now()) }
      const ttl = isLeft || isFilled ? TOMBSTONE_TTL : BRIEF_TOMBSTONE_TTL
      return { value: this.#encodeTombstone(key, entry), proven: entry, ttl }
    })
    return wasThere
  }

  /** Leaves a tombstone for a day where a link was just deleted, unless another one is there by now. */
  async keepDeleted(ref: ParsedRef): Promise<void> {
    if (this.#hasCopies) {
      const key = this.#keys.link(ref)
      await this.#replace(ref, { everywhere: true }, ({ newest, isDamaged }, later) => {
        if (newest === undefined || isDamaged || toKeptLink(newest) !== undefined) return undefined
        // Just newer than the tombstone which is there, and older than an upload that was not seen.
        const entry: Tombstone = { deletedAt: later(0) }
        return { value: this.#encodeTombstone(key, entry), proven: entry, ttl: TOMBSTONE_TTL }
      })
      return
    }
    await this.#bury(ref, TOMBSTONE_TTL, (link, isDamaged) => link === undefined && !isDamaged)
  }

  /**
   * Puts a tombstone, where there is one copy, in the place of what was looked at, and of nothing else: a fill has to see
   * it. Resolves with whether there was a link whose time is not over.
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
    throw keepsChanging(ref)
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

  /**
   * Where there are several copies, what is there may be a tombstone; and the link before may outlive
   * this one on a server that is away or has stood in for one, so that this must go on being newer.
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
    const copies = await this.#replace(
      ref,
      { mayDecline: over !== undefined },
      ({ newest, isDamaged, isLeft }, later) => {
        if (over !== undefined && this.#isOther(newest, over)) return undefined
        const existing = toLink(newest)
        created = !isDamaged && existing === undefined
        const ttl = isProlonged && existing ? longerLife(existing, link) : link.ttl
        const version = later(over === undefined ? link.storedAt : over.at)
        written = { ...link, ttl, storedAt: Math.max(version, link.storedAt) }
        // What was written since, and is seen too late or not at all, is to be the newer one.
        if (version < written.storedAt) written = { ...written, version }
        const isFirst = newest === undefined && !isDamaged && !isLeft
        if (isFirst || ttl === 0 || ref.name === undefined) {
          return {
            value: this.#encode(ref, written).record,
            proven: written,
            ttl: keptFor(written),
          }
        }
        written = { ...written, endsAt: written.storedAt + ttl * 1000 }
        const kept = Math.min(ttl + Math.max(TOMBSTONE_TTL, keptBeyond(link)), MAX_TTL)
        return { value: this.#encode(ref, written).record, proven: written, ttl: kept }
      },
    )
    return { link: written, created, copies }
  }

  /**
   * Renews what is stored now, which may be another link than was read, unless it is replaced or deleted
   * meanwhile; resolves with whether there is one.
   */
  async #renewOnly(ref: ParsedRef, now: number): Promise<boolean> {
    const { current, put } = await this.#look(ref)
    const link = toLink(current)
    if (link === undefined) return false
    if (await put(restored(link, now))) return true
    return (await this.readUnlessCorrupt(ref)) !== undefined
  }

  /** Reads what is there, where links have one copy, for a write in the place of just that. */
  async #look(ref: ParsedRef) {
    const key = this.#keys.link(ref)
    const slot = await this.#engine.look!(key)
    const current = slot.current && this.#decode(slot.current, key, ref)
    return {
      current,
      isDamaged: slot.current !== undefined && current === undefined,
      /** Resolves with false when something else is there by now, and so does `bury`. */
      put: (link: Link) => slot.put(this.#encode(ref, link).record, keptFor(link)),
      /** With a later time than what is there, from which a fill tells two deletions. */
      bury: (ttl: number) => {
        const deletedAt = Math.max(Date.now(), current === undefined ? 0 : versions.of(current) + 1)
        return slot.put(this.#encodeTombstone(key, { deletedAt }), ttl)
      },
    }
  }

  /** As `#renewOnly`, of all copies; resolves with 0 if there is none. */
  #renewCopies(ref: ParsedRef, now: number): Promise<number> {
    return this.#replace(ref, {}, ({ newest }, storedAt) => {
      const link = toLink(newest)
      if (link === undefined) return undefined
      const entry = restored(link, storedAt(now))
      return { value: this.#encode(ref, entry).record, proven: entry, ttl: keptFor(entry) }
    })
  }

  /**
   * Puts what `next` makes in the place of all copies.
   * @param next Gets a function that makes a time later than any that is known. Returns `undefined` to
   * leave everything as it is; then this resolves with 0.
   */
  #replace(
    ref: ParsedRef,
    options: Pick<ReplaceOptions<Entry>, 'everywhere' | 'mayDecline'>,
    next: (
      there: Predecessors<Entry>,
      later: (now: number) => number,
    ) => Successor<Entry> | undefined,
  ): Promise<number> {
    const key = this.#keys.link(ref)
    let last = 0
    // The copies are alike, mostly: the second one need not be decoded again. What is disproved has a
    // version too, which the successor has to pass.
    const prove = (record: Buffer) => {
      const known = this.#known.get(ref)
      return known?.isSame(record) ? known.link : this.#decode(record, key, ref)
    }
    const successor = (there: Predecessors<Entry>) => {
      const known = there.newest === undefined ? 0 : versions.of(there.newest)
      return next(there, (now) => {
        last = Math.min(Math.max(now, known + 1, last + 1), MAX_TIME)
        return last
      })
    }
    return this.#engine.replace!(key, prove, successor, { versions, ...options })
  }

  #set(ref: ParsedRef, link: Link, ttl: number): Promise<number> {
    const { key, record } = this.#encode(ref, link)
    return this.#engine.set(key, record, placed(ttl))
  }

  #encode(ref: ParsedRef, link: Link): { key: string; record: Buffer } {
    const key = this.#keys.link(ref)
    return { key, record: encodeLink(link, key, this.#sealer) }
  }

  #encodeTombstone(key: string, entry: Tombstone): Buffer {
    return encodeTombstone(entry, key, this.#sealer)
  }

  #prove(record: Buffer, key: string, ref: ParsedRef): Entry | undefined {
    const entry = this.#decode(record, key, ref)
    return entry === undefined || 'deletedAt' in entry ? entry : this.#unlessDisproved(entry)
  }

  #decode(record: Buffer, key: string, ref: ParsedRef): Entry | undefined {
    const link = decodeLink(record, key, this.#sealer)
    if (link === undefined) return decodeTombstone(record, key, this.#sealer)
    if (!leadsTo(link, ref)) return undefined
    this.#known.learn(ref, key, record, link)
    return link
  }

  /** Where there are several copies, another one may be the link that was stored. */
  #unlessDisproved(link: Link): Link | undefined {
    return this.#hasCopies && this.#isDisproved(link) ? undefined : link
  }

  #isDisproved(entry: Entry): boolean {
    return !('deletedAt' in entry) && this.#proofs.isDisproved(entry.manifest)
  }

  /** Whether something was written or deleted since `entry` was read. */
  #isOther(now: Entry | undefined, { entry, mustBeThere = false }: Seen): boolean {
    if (now === undefined || this.#isDisproved(now)) return mustBeThere
    return entry === undefined || !isSame(now, entry)
  }

  get #hasCopies(): boolean {
    return this.#engine.replace !== undefined
  }
}

function toLink(entry: Entry | undefined): Link | undefined {
  const link = toKeptLink(entry)
  return link && endOf(link) > Date.now() ? link : undefined
}

/** Returns the link of an entry, also one whose time is over. */
export function toKeptLink(entry: Entry | undefined): Link | undefined {
  return entry === undefined || 'deletedAt' in entry ? undefined : entry
}

function isSame(one: Entry, other: Entry): boolean {
  const [first, second] = [toKeptLink(one), toKeptLink(other)]
  const isSameContent = first?.manifest.digest.hex === second?.manifest.digest.hex
  return isSameContent && versions.of(one) === versions.of(other)
}

/** Seconds for which the engine keeps the record of a link that is stored now; 0 is no limit. */
function keptFor(link: Link): number {
  return link.ttl === 0 ? 0 : Math.min(link.ttl + keptBeyond(link), MAX_TTL)
}

/** Returns `link` as if it were stored at that time. */
function restored({ endsAt: _, version: __, ...link }: Link, storedAt: number): Link {
  return { ...link, storedAt }
}

/** Seconds, at least one; `undefined` when its time is over. */
function remaining(since: number, ttl: number): number | undefined {
  const seconds = Math.ceil((since - Date.now()) / 1000) + ttl
  return seconds > 0 ? Math.min(seconds, MAX_TTL) : undefined
}

function keepsChanging(ref: ParsedRef): UnavailableError {
  return new UnavailableError(`${describeRef(ref)} is written to or deleted at the same time`)
}

function unlessCorrupt(error: unknown): undefined {
  if (!(error instanceof CorruptError)) throw error
}

function corruptIfDamaged(error: unknown, ref: ParsedRef): unknown {
  if (!(error instanceof DamagedError)) return error
  return new CorruptError(`the record of ${describeRef(ref)} is not what was stored`, {
    cause: error,
  })
}

function leadsTo({ manifest, name }: Link, ref: ParsedRef): boolean {
  return name === ref.name && (ref.hash === undefined || manifest.digest.equals(ref.hash))
}

/** Seconds from when `link` was stored until the later of both ends; 0 when one has none. */
function longerLife(existing: Link, link: Link): number {
  if (existing.ttl === 0 || link.ttl === 0) return 0
  const left = Math.ceil((endOf(existing) - link.storedAt) / 1000)
  return Math.max(Math.min(left, MAX_TTL), link.ttl) // Clocks may differ: never past the limit.
}
