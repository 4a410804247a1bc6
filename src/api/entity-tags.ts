/** The tags of an If-Match or If-None-Match field (RFC 9110, 8.8.3). */
export class EntityTags {
  readonly #any: boolean
  readonly #strong = new Set<string>()
  readonly #weak = new Set<string>()

  /**
   * Reads what can be read: a tag without its quotes counts as one with them, and what is no tag
   * at all matches nothing.
   */
  constructor(field: string) {
    this.#any = field.trim() === '*'
    for (const [, weak, quoted, bare] of field.matchAll(TAG)) {
      const tag = quoted ?? bare!
      if (weak === undefined) this.#strong.add(tag)
      else this.#weak.add(tag)
    }
  }

  /** A weak tag never matches strongly. */
  hasStrong(hash: string): boolean {
    return this.#any || this.#strong.has(hash)
  }

  has(hash: string): boolean {
    return this.hasStrong(hash) || this.#weak.has(hash)
  }
}

const TAG = /(W\/)?(?:"([\x21\x23-\x7e\x80-\xff]*)"|([^\s,"]+))/g

/**
 * Returns whether an If-None-Match field has a `*` outside of its tags: alone, or in a list, as Node makes one of
 * fields that are sent twice. An upload with it must not replace anything.
 */
export function hasAsterisk(field: string): boolean {
  return field.replace(QUOTED, '').includes('*')
}

const QUOTED = /"[\x21\x23-\x7e\x80-\xff]*"/g
