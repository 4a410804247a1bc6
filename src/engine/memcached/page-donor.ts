import type { ItemVersion } from './oldest-items.ts'
import { unexpectedAnswer } from './refusal.ts'
import type { SlabClass } from './slab-classes.ts'
import type { TextConnection } from './text-connection.ts'

/** It is gone, or was before, or has been written again: that one stays. */
const REMOVED = /^HD\b/
const NOT_THERE = /^(NF|EX)\b/

/**
 * A class that gives pages. Memcached evicts what lies on a page unless there is room for it on the
 * others, so the oldest items make room first: they go, and what was stored just now, an upload
 * under way perhaps, stays.
 */
export class PageDonor {
  readonly #chunksPerPage: number
  readonly #oldest: ItemVersion[]
  /** Chunks that are known to be free. */
  #room: number

  /** @param oldest Items that may be removed, these first. */
  constructor({ chunksPerPage, freeChunks }: SlabClass, oldest: readonly ItemVersion[]) {
    this.#chunksPerPage = chunksPerPage
    this.#room = freeChunks
    this.#oldest = [...oldest]
  }

  /** Whether there is, or could be made, room for what lies on a page. */
  get canGive(): boolean {
    return this.#room + this.#oldest.length >= this.#chunksPerPage
  }

  /**
   * Removes as many items as lie on a page, less what is free; whether there is room now.
   * @throws {ConnectionError | Refusal}
   */
  async makeRoom(connection: TextConnection): Promise<boolean> {
    // Once more for those that were not the same any more.
    while (this.canGive) {
      const lacking = this.#chunksPerPage - this.#room
      if (lacking <= 0) return true
      await this.#remove(connection, this.#oldest.splice(0, lacking))
    }
    return false
  }

  /** A page with room for what lies on it is gone. */
  gave(): void {
    this.#room -= this.#chunksPerPage
  }

  async #remove(connection: TextConnection, items: readonly ItemVersion[]): Promise<void> {
    connection.write(...items.map(({ key, cas }) => `md ${key} C${cas}`))
    for (const _ of items) {
      const answer = await connection.line()
      if (REMOVED.test(answer)) this.#room++
      else if (!NOT_THERE.test(answer)) throw unexpectedAnswer(answer)
    }
  }
}
