import type { ItemVersion } from './oldest-items.ts'
import { unexpectedAnswer } from './refusal.ts'
import type { SlabClass } from './slab-classes.ts'
import type { TextConnection } from './text-connection.ts'

const REMOVED = /^HD\b/
/** It was gone already, or has been written again; then it stays. */
const NOT_THERE = /^(NF|EX)\b/

/**
 * A class that gives pages. Memcached evicts what lies on a page that it moves unless there is room
 * on the other pages. So the oldest items are removed first, to make that room, and what was stored
 * just now stays.
 */
export class PageDonor {
  readonly #chunksPerPage: number
  readonly #oldest: ItemVersion[]
  /** Chunks that are known to be free. */
  #room: number

  /** @param oldest Items that may be removed, in this order. */
  constructor({ chunksPerPage, freeChunks }: SlabClass, oldest: readonly ItemVersion[]) {
    this.#chunksPerPage = chunksPerPage
    this.#room = freeChunks
    this.#oldest = [...oldest]
  }

  /** Whether there is room for what lies on a page, or can be made. */
  get canGive(): boolean {
    return this.#room + this.#oldest.length >= this.#chunksPerPage
  }

  /**
   * Removes as many items as lie on a page, less what is free. Resolves with whether there is room
   * now.
   * @throws {ConnectionError | Refusal}
   */
  async makeRoom(connection: TextConnection): Promise<boolean> {
    // Again for those that were written again in the meantime.
    while (this.canGive) {
      const lacking = this.#chunksPerPage - this.#room
      if (lacking <= 0) return true
      await this.#remove(connection, this.#oldest.splice(0, lacking))
    }
    return false
  }

  /** Tells that a page is gone. */
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
