import { setTimeout as sleep } from 'node:timers/promises'
import { InsufficientStorageError } from '../../errors.ts'

/** Milliseconds until memcached is asked again, each time: one second in all. */
const PAUSES = [10, 20, 40, 80, 150, 300, 400]
/** Milliseconds after that for which it is believed at once that there is no room. */
const FULL = 1000

/**
 * Stores what memcached has no room for once more, for about a second. Where a size has few pages, all of
 * its items may have been used lately: it evicts none of them until its LRU maintainer, a thread
 * that looks several times a second, has moved some; or a page may be on its way from another size.
 * A memcached that evicts nothing (`-M`) keeps nobody waiting for long: one second in two at most.
 */
export class Room {
  #fullUntil = 0

  /** @throws {InsufficientStorageError} when there still is none; whatever else goes wrong, at once. */
  async store<R>(work: () => Promise<R>): Promise<R> {
    for (let tries = 0; ; tries++) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof InsufficientStorageError)) throw error
        const pause = PAUSES[tries]
        if (pause === undefined) this.#fullUntil = performance.now() + FULL
        if (pause === undefined || performance.now() < this.#fullUntil) throw error
        await sleep(pause)
      }
    }
  }
}
