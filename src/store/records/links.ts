import { type CopyReport, DamagedError, type Engine, type Versions } from '../../engine/engine.ts'
import { MAX_TTL } from '../../engine/key.ts'
import { CorruptError, InsufficientStorageError, UnavailableError } from '../../errors.ts'
import { describeRef, type ParsedRef } from '../file-ref.ts'
import type { Keys } from './keys.ts'
import { type KnownLink, KnownLinks } from './known-links.ts'
import { decodeLink, encodeLink, endOf, type Link } from './link.ts'
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

/** Whether a link is new or took the place of another, and in how many copies it was stored. */
export interface LinkWritten {
  created: boolean
  copies: number
}

type Entry = Link | Tombstone

/** Links have a copy more than chunks: without its link a file is lost. */
const PLACED = { extraCopy: true }
const versions: Versions<Entry> = {
  of: (entry) => ('deletedAt' in entry ? entry.deletedAt : entry.storedAt),
  ttl(entry) {
    if ('deletedAt' in entry) return remaining(entry.deletedAt, TOMBSTONE_TTL)
    if (entry.endsAt !== undefined) return remaining(entry.endsAt, TOMBSTONE_TTL)
    return entry.ttl === 0 ? 0 : remaining(entry.storedAt, entry.ttl)
  },
}

const VERSIONED = { versions }

/** The part of its life that a link must have left not to be renewed when it is asked for. */
const RENEWED_BELOW = 7 / 8

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
  async read(ref: ParsedRef, known = this.known(ref)): Promise<Link | undefined> {
    const key = known?.key ?? this.#key(ref)
    const prove = (record: Buffer) =>
      known?.isSame(record) ? this.#unlessDisproved(known.link) : this.#prove(record, key, ref)
    try {
      const link = toLink(await this.#engine.get(key, prove, VERSIONED))
      if (link === undefined || !this.#proofs.isDisproved(link.manifest)) return link
    } catch (error) {
      throw corruptIfDamaged(error, ref)
    }
    throw new CorruptError(`the chunks of ${describeRef(ref)} are not the content of its hash`)
  }

  /** As `read`, and writes again what copies of the record are missing, outdated or wrong. */
  async repair(ref: ParsedRef): Promise<{ link: Link | undefined; copies: CopyReport }> {
    const key = this.#key(ref)
    const prove = (record: Buffer) => this.#prove(record, key, ref)
    try {
      const { proven, copies } = await repairValue(this.#engine, key, prove, VERSIONED)
      return { link: toLink(proven), copies }
    } catch (error) {
      throw corruptIfDamaged(error, ref)
    }
  }

  async readUnlessCorrupt(ref: ParsedRef): Promise<Link | undefined> {
    try {
      return await this.read(ref)
    } catch (error) {
      if (error instanceof CorruptError) return undefined
      throw error
    }
  }

  /** Stores a link unless there is one, readable or not; resolves with 0 copies then. */
  add(ref: ParsedRef, link: Link): Promise<number> {
    const { key, record } = this.#encode(ref, link)
    return this.#engine.add(key, record, { ...PLACED, ttl: link.ttl })
  }

  /** Stores a link in the place of any other: readers see the old one or the new one, whole. */
  async put(ref: ParsedRef, link: Link): Promise<LinkWritten> {
    const { key, record } = this.#encode(ref, link)
    const options = { ...PLACED, ttl: link.ttl }
    const added = await this.#engine.add(key, record, options)
    if (added > 0) return { created: true, copies: added }
    if (this.#hasCopies) return this.#supersede(ref, link)
    return { created: false, copies: await this.#engine.set(key, record, options) }
  }

  /** As `put`, without telling whether there was one: one trip where there is one copy. */
  async replace(ref: ParsedRef, link: Link): Promise<number> {
    if (this.#hasCopies) return (await this.put(ref, link)).copies
    return this.#set(ref, link, link.ttl)
  }

  /** Returns `link` with the longer of its own life and that of the link which is stored. */
  async keepingLife(ref: ParsedRef, link: Link): Promise<Link> {
    const existing = link.ttl === 0 ? undefined : await this.#readIfPossible(ref)
    return existing ? { ...link, ttl: longerLife(existing, link) } : link
  }

  /**
   * Gives a link that was just read its whole life again, and resolves with whether it is there. A link ends
   * when its record says so, so that the record is written again: as if it were stored now, once an eighth
   * of its life is over.
   */
  async renew(ref: ParsedRef, link: Link): Promise<boolean> {
    if (link.ttl === 0) return this.#engine.touch(this.#key(ref), 0, PLACED)
    const now = Date.now()
    if (endOf(link) - now > link.ttl * RENEWED_BELOW * 1000) return true
    try {
      const { endsAt: _before, ...rest } = link
      return (await this.#set(ref, { ...rest, storedAt: now }, link.ttl)) > 0
    } catch (error) {
      if (error instanceof InsufficientStorageError) return false // Memcached dropped what was there.
      throw error
    }
  }

  async delete(ref: ParsedRef): Promise<boolean> {
    const isGone = this.#hasCopies && (await this.#isGone(ref))
    const key = this.#key(ref)
    const tombstone = ({ isLeft }: { isLeft: boolean }) => ({
      value: encodeTombstone({ deletedAt: Date.now() }, key, this.#sealer),
      ttl: isLeft ? TOMBSTONE_TTL : BRIEF_TOMBSTONE_TTL,
    })
    return (await this.#engine.delete(key, { ...PLACED, tombstone })) && !isGone
  }

  /**
   * Where there are several copies, what is there may be a tombstone; and the link before may outlive
   * this one on a server that is away or has stood in for one, so that this must go on being newer.
   */
  async #supersede(ref: ParsedRef, link: Link): Promise<LinkWritten> {
    const created = await this.#isGone(ref)
    if (link.ttl === 0 || ref.name === undefined) {
      return { created, copies: await this.#set(ref, link, link.ttl) }
    }
    const lasting = { ...link, endsAt: link.storedAt + link.ttl * 1000 }
    const ttl = Math.min(link.ttl + TOMBSTONE_TTL, MAX_TTL)
    return { created, copies: await this.#set(ref, lasting, ttl) }
  }

  #set(ref: ParsedRef, link: Link, ttl: number): Promise<number> {
    const { key, record } = this.#encode(ref, link)
    return this.#engine.set(key, record, { ...PLACED, ttl })
  }

  #encode(ref: ParsedRef, link: Link): { key: string; record: Buffer } {
    const key = this.#key(ref)
    return { key, record: encodeLink(link, key, this.#sealer) }
  }

  #prove(record: Buffer, key: string, ref: ParsedRef): Entry | undefined {
    const link = decodeLink(record, key, this.#sealer)
    if (link === undefined) return decodeTombstone(record, key, this.#sealer)
    if (!leadsTo(link, ref)) return undefined
    this.#known.learn(ref, key, record, link)
    return this.#unlessDisproved(link)
  }

  /** Where there are several copies, another one may be the link that was stored. */
  #unlessDisproved(link: Link): Link | undefined {
    return this.#hasCopies && this.#proofs.isDisproved(link.manifest) ? undefined : link
  }

  get #hasCopies(): boolean {
    return this.#engine.repair !== undefined
  }

  /** Whether what the engine has under the key, if anything, is a tombstone or has ended. */
  async #isGone(ref: ParsedRef): Promise<boolean> {
    try {
      return (await this.read(ref)) === undefined
    } catch (error) {
      if (error instanceof UnavailableError || error instanceof CorruptError) return false
      throw error
    }
  }

  /** As `readUnlessCorrupt`, for a write, which must not fail because some servers do not answer. */
  async #readIfPossible(ref: ParsedRef): Promise<Link | undefined> {
    try {
      return await this.readUnlessCorrupt(ref)
    } catch (error) {
      if (error instanceof UnavailableError) return undefined
      throw error
    }
  }

  #key(ref: ParsedRef): string {
    return ref.name === undefined
      ? this.#keys.linkByHash(ref.hash)
      : this.#keys.linkByName(ref.name)
  }
}

function toLink(entry: Entry | undefined): Link | undefined {
  if (entry === undefined || 'deletedAt' in entry) return undefined
  return endOf(entry) <= Date.now() ? undefined : entry
}

/** Seconds, at least one; `undefined` when its time is over and only a touch has kept it alive. */
function remaining(since: number, ttl: number): number | undefined {
  const seconds = Math.ceil((since - Date.now()) / 1000) + ttl
  return seconds > 0 ? Math.min(seconds, MAX_TTL) : undefined
}

function corruptIfDamaged(error: unknown, ref: ParsedRef): unknown {
  if (!(error instanceof DamagedError)) return error
  return new CorruptError(`the record of ${describeRef(ref)} is not what was stored`, {
    cause: error,
  })
}

function leadsTo(link: Link, ref: ParsedRef): boolean {
  return ref.name === undefined ? link.manifest.digest.equals(ref.hash) : link.name === ref.name
}

/** Seconds from when `link` was stored until the later of both ends; 0 when one has none. */
function longerLife(existing: Link, link: Link): number {
  if (existing.ttl === 0 || link.ttl === 0) return 0
  const left = Math.ceil((endOf(existing) - link.storedAt) / 1000)
  return Math.max(Math.min(left, MAX_TTL), link.ttl) // Clocks may differ: never past the limit.
}
