import { DamagedError, type Engine } from '../engine/engine.ts'
import { MAX_TTL } from '../engine/key.ts'
import { CorruptError } from '../errors.ts'
import { describeRef, type ParsedRef } from './file-ref.ts'
import type { Keys } from './keys.ts'
import { decodeLink, encodeLink, type Link } from './link.ts'
import type { Sealer } from './seal.ts'

/** Whether a link is new or took the place of another, and in how many copies it was stored. */
export interface LinkWritten {
  created: boolean
  copies: number
}

/** The links of one store, by hash and by name. */
export class Links {
  readonly #engine: Engine
  readonly #keys: Keys
  readonly #sealer: Sealer

  constructor(engine: Engine, keys: Keys, sealer: Sealer) {
    this.#engine = engine
    this.#keys = keys
    this.#sealer = sealer
  }

  /** @throws {CorruptError} when there is a record that does not prove itself. It is left alone. */
  async read(ref: ParsedRef): Promise<Link | undefined> {
    const key = this.#key(ref)
    try {
      return await this.#engine.get(key, (record) => {
        const link = decodeLink(record, key, this.#sealer)
        return link !== undefined && leadsTo(link, ref) ? link : undefined
      })
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error
      throw new CorruptError(`the record of ${describeRef(ref)} is not what was stored`, {
        cause: error,
      })
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
    const key = this.#key(ref)
    return this.#engine.add(key, encodeLink(link, key, this.#sealer), { ttl: link.ttl })
  }

  /** Stores a link in the place of any other: readers see the old one or the new one, whole. */
  async put(ref: ParsedRef, link: Link): Promise<LinkWritten> {
    const added = await this.add(ref, link)
    if (added > 0) return { created: true, copies: added }
    const key = this.#key(ref)
    const record = encodeLink(link, key, this.#sealer)
    return { created: false, copies: await this.#engine.set(key, record, { ttl: link.ttl }) }
  }

  /** As `put`, but a link to the same content that would live longer keeps its life. */
  async putKeepingLife(ref: ParsedRef, link: Link): Promise<LinkWritten> {
    if (link.ttl === 0) return this.put(ref, link)
    const existing = await this.readUnlessCorrupt(ref)
    return this.put(ref, existing ? { ...link, ttl: longerLife(existing, link) } : link)
  }

  /** Extends the link's life by the time it was given; resolves with whether it is there. */
  touch(ref: ParsedRef, link: Link): Promise<boolean> {
    return this.#engine.touch(this.#key(ref), link.ttl)
  }

  delete(ref: ParsedRef): Promise<boolean> {
    return this.#engine.delete(this.#key(ref))
  }

  #key(ref: ParsedRef): string {
    return ref.name === undefined
      ? this.#keys.linkByHash(ref.hash)
      : this.#keys.linkByName(ref.name)
  }
}

function leadsTo(link: Link, ref: ParsedRef): boolean {
  return ref.name === undefined ? link.manifest.digest.equals(ref.hash) : link.name === ref.name
}

/** Seconds from when `link` was stored until the later of both ends; 0 when one has none. */
function longerLife(existing: Link, link: Link): number {
  if (existing.ttl === 0 || link.ttl === 0) return 0
  const remaining = existing.ttl + Math.ceil((existing.storedAt - link.storedAt) / 1000)
  return Math.max(Math.min(remaining, MAX_TTL), link.ttl) // Clocks may differ: never past the limit.
}
