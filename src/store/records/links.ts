import { type CopyReport, DamagedError, type Engine } from '../../engine/engine.ts'
import { CorruptError, InsufficientStorageError } from '../../errors.ts'
import { describeRef, type ParsedRef } from '../file-ref.ts'
import { type Entry, isSameEntry, keptFor, toLink, versions } from './entry.ts'
import type { Keys } from './keys.ts'
import { type KnownLink, KnownLinks } from './known-links.ts'
import { decodeLink, encodeLink, endOf, type Link } from './link.ts'
import { Proofs } from './proofs.ts'
import { repairValue } from './repair-value.ts'
import type { Sealer } from './seal.ts'
import { decodeTombstone, encodeTombstone, type Tombstone } from './tombstone.ts'

/** What was written, whether it is new or took the place of another link, and in how many copies it was stored. */
export interface LinkWritten {
  readonly link: Link
  readonly created: boolean
  readonly copies: number
}

/** What was found under the key of a link, for a write that is to replace just that. */
export interface Seen {
  readonly entry: Entry | undefined
  /** When it was looked for: Unix time in milliseconds. */
  readonly at: number
  /** Whether it must still be there: for a link that gives what was found a longer life. */
  readonly mustBeThere?: boolean
}

/** Where links lie and for how long: they have a copy more than chunks, since without its link a file is lost. */
export const placed = (ttl: number) => ({ extraCopy: true, ttl })
export const PLACED = { extraCopy: true }

/** The part of its life that a link must have left not to be renewed when it is asked for. */
const RENEWED_BELOW = 7 / 8

/**
 * The links of one store, by hash and by name: how they are read, proved and encoded. How they are written depends on
 * whether there are copies of them: `SingleLinks`, `CopiedLinks`.
 */
export abstract class Links {
  protected readonly engine: Engine
  readonly #keys: Keys
  readonly #sealer: Sealer
  readonly #proofs: Proofs
  readonly #known = new KnownLinks()

  constructor(engine: Engine, keys: Keys, sealer: Sealer, proofs = new Proofs()) {
    this.engine = engine
    this.#keys = keys
    this.#sealer = sealer
    this.#proofs = proofs
  }

  /** Stores a link in the place of any other: readers see the old one or the new one, whole. */
  abstract put(ref: ParsedRef, link: Link): Promise<LinkWritten>

  /**
   * As `put`, unless another link was stored or this one deleted since `over` was read; resolves with `undefined`
   * then. What does not prove itself is replaced.
   */
  abstract putOver(ref: ParsedRef, link: Link, over: Seen): Promise<LinkWritten | undefined>

  /**
   * As `put`, and gives the link the longer of its own life and that of the one which is there.
   * @param telling Whether `created` has to be told: where it need not, a link without an end may take one trip.
   */
  abstract prolong(ref: ParsedRef, link: Link, telling: boolean): Promise<LinkWritten>

  /**
   * Resolves with whether there was one whose time is not over.
   * @param isFilled Whether a fill may be under way, which has to see the deletion before it stores the file.
   * @param isMeant Whether to delete this one. Default: whatever is there.
   */
  abstract delete(
    ref: ParsedRef,
    isFilled: boolean,
    isMeant?: (link: Link) => boolean,
  ): Promise<boolean>

  /** Leaves a tombstone for a day where a link was just deleted, unless another one is there by now. */
  abstract keepDeleted(ref: ParsedRef): Promise<void>

  /**
   * Stores what is there now as if it were stored now, which may be another link than was read, unless it is replaced
   * or deleted meanwhile. Resolves with whether there is one.
   */
  protected abstract restore(ref: ParsedRef): Promise<boolean>

  /** Whether a disproved link counts as none in the search for the one that was stored. */
  protected abstract skipsDisproved: boolean

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

  async readUnlessCorrupt(ref: ParsedRef): Promise<Link | undefined> {
    return this.read(ref).catch(unlessCorrupt)
  }

  /** As `read`, and writes again what copies of the record are missing, outdated or wrong. */
  async repair(ref: ParsedRef): Promise<{ link: Link | undefined; copies: CopyReport }> {
    const key = this.key(ref)
    const prove = (record: Buffer) => this.#prove(record, key, ref)
    try {
      const { proven, copies } = await repairValue(this.engine, key, prove, { versions })
      return { link: toLink(proven), copies }
    } catch (error) {
      throw corruptIfDamaged(error, ref)
    }
  }

  /** Stores a link unless there is one, readable or not; resolves with 0 copies then. */
  add(ref: ParsedRef, link: Link): Promise<number> {
    const { key, record } = this.encode(ref, link)
    return this.engine.add(key, record, placed(keptFor(link)))
  }

  /**
   * Gives a link that was just read its whole life again, and resolves with whether it is there. A link ends
   * when its record says so, so that the record is written again: as if it were stored now, once an eighth
   * of its life is over.
   */
  async renew(ref: ParsedRef, link: Link): Promise<boolean> {
    if (link.ttl === 0) return this.engine.touch(this.key(ref), 0, PLACED)
    if (endOf(link) - Date.now() > link.ttl * RENEWED_BELOW * 1000) return true
    try {
      return await this.restore(ref)
    } catch (error) {
      if (error instanceof InsufficientStorageError) return false // Memcached dropped what was there.
      throw error
    }
  }

  protected key(ref: ParsedRef): string {
    return this.#keys.link(ref)
  }

  protected encode(ref: ParsedRef, link: Link): { key: string; record: Buffer } {
    const key = this.key(ref)
    return { key, record: encodeLink(link, key, this.#sealer) }
  }

  protected encodeTombstone(key: string, entry: Tombstone): Buffer {
    return encodeTombstone(entry, key, this.#sealer)
  }

  /** Returns `undefined` for what does not prove itself. */
  protected decode(record: Buffer, key: string, ref: ParsedRef): Entry | undefined {
    const link = decodeLink(record, key, this.#sealer)
    if (link === undefined) return decodeTombstone(record, key, this.#sealer)
    if (!leadsTo(link, ref)) return undefined
    this.#known.learn(ref, key, record, link)
    return link
  }

  protected isDisproved(entry: Entry): boolean {
    return !('deletedAt' in entry) && this.#proofs.isDisproved(entry.manifest)
  }

  /** Whether something was written or deleted since `entry` was read. */
  protected isOther(now: Entry | undefined, { entry, mustBeThere = false }: Seen): boolean {
    if (now === undefined || this.isDisproved(now)) return mustBeThere
    return entry === undefined || !isSameEntry(now, entry)
  }

  async #read<E extends Entry>(
    ref: ParsedRef,
    known: KnownLink | undefined,
    take: (entry: Entry | undefined) => E | undefined,
  ): Promise<E | undefined> {
    const key = known?.key ?? this.key(ref)
    const prove = (record: Buffer) =>
      known?.isSame(record) ? this.#unlessSkipped(known.link) : this.#prove(record, key, ref)
    try {
      const entry = take(await this.engine.get(key, prove, { versions }))
      if (entry === undefined || !this.isDisproved(entry)) return entry
    } catch (error) {
      throw corruptIfDamaged(error, ref)
    }
    throw new CorruptError(`the chunks of ${describeRef(ref)} are not the content of its hash`)
  }

  #prove(record: Buffer, key: string, ref: ParsedRef): Entry | undefined {
    const entry = this.decode(record, key, ref)
    return entry && this.#unlessSkipped(entry)
  }

  #unlessSkipped(entry: Entry): Entry | undefined {
    return this.skipsDisproved && this.isDisproved(entry) ? undefined : entry
  }
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
