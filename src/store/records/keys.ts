import { Digest } from '../../digest.ts'
import { InvalidArgumentError } from '../../errors.ts'
import type { ParsedRef } from '../file-ref.ts'

/** Bytes of a key without its prefix: a letter, a colon, 64 hexadecimal digits. */
const BARE_KEY_LENGTH = 66
const PREFIX = /^[\x21-\x7e]{0,100}$/

/** Makes the keys of what is stored, behind an optional prefix that keeps tenants of one memcached apart. */
export class Keys {
  /** Bytes of every key of a chunk or a link. */
  readonly length: number
  readonly #prefix: string

  /** @param prefix At most 100 bytes of printable ASCII without spaces. */
  constructor(prefix = '') {
    if (!PREFIX.test(prefix)) {
      throw new InvalidArgumentError(
        'a key prefix is at most 100 bytes of printable ASCII without spaces',
        { actual: JSON.stringify(prefix) },
      )
    }
    this.#prefix = prefix
    this.length = prefix.length + BARE_KEY_LENGTH
  }

  chunk(digest: Digest): string {
    return `${this.#prefix}c:${digest.hex}`
  }

  linkByHash(digest: Digest): string {
    return `${this.#prefix}h:${digest.hex}`
  }

  /** The key has the hash of the name, since names may be long and hold any character. */
  linkByName(name: string): string {
    return `${this.#prefix}n:${Digest.of(Buffer.from(name)).hex}`
  }

  link(ref: ParsedRef): string {
    return ref.name === undefined ? this.linkByHash(ref.hash) : this.linkByName(ref.name)
  }

  /** The key of the lease to produce a file: that of its link with a letter before it. */
  lease(ref: ParsedRef): string {
    const link = this.link(ref).slice(this.#prefix.length)
    return `${this.#prefix}l${link}`
  }
}
