import { LRUCache } from 'lru-cache'
import type { ParsedRef } from '../file-ref.ts'
import type { Link } from './link.ts'

/** The most links that are remembered, by name and by hash: 10 to 20 MB. */
const MAX_LINKS = 8192
/** Bytes of a record; larger ones, of large files, are read seldom and cost little of such a read. */
const MAX_RECORD = 1024

export interface KnownLink {
  readonly key: string
  readonly link: Link
  /** Whether `record` is, byte for byte, the one that proved itself. */
  isSame(record: Buffer): boolean
}

/**
 * Remembers the links that were read last. Each read still fetches the record: one with the same bytes need
 * not be proved and parsed a second time, and what a name led to last tells which chunk to prefetch.
 */
export class KnownLinks {
  readonly #byName = new LRUCache<string, KnownLink>({ max: MAX_LINKS / 2 })
  readonly #byHash = new LRUCache<string, KnownLink>({ max: MAX_LINKS / 2 })

  get({ name, hash }: ParsedRef): KnownLink | undefined {
    return name === undefined ? this.#byHash.get(hash.hex) : this.#byName.get(name)
  }

  /** @param record What `link` was decoded from. */
  learn({ name, hash }: ParsedRef, key: string, record: Buffer, link: Link): void {
    if (record.length > MAX_RECORD) return
    // Copies: a record may be a small part of a large buffer.
    const text = record.toString('latin1')
    const own = { ...link, manifest: link.manifest.copy() }
    const known = { key, link: own, isSame: (other: Buffer) => other.toString('latin1') === text }
    if (name === undefined) this.#byHash.set(hash.hex, known)
    else this.#byName.set(name, known)
  }
}
