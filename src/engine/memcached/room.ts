import { setTimeout as sleep } from 'node:timers/promises'
import { InsufficientStorageError } from '../../errors.ts'

/** Milliseconds until memcached is asked again, each time: one second in all. */
const PAUSES = [10, 20, 40, 80, 150, 300, 400]
/** Milliseconds after that in which a value that there is no room for is not tried again. */
const FULL = 1000

/**
 * Tries again for about a second to store what memcached has no room for. When a size has few
 * pages, all of its items may be in recent use, and memcached evicts none of them until its LRU
 * maintainer, a thread that runs several times a second, has moved some. Or a page may be on its
 * way from another size. With a memcached that never evicts (`-M`), callers wait in one second of
 * two at most.
 */
export class Room {
  #fullUntil = 0

  /**
   * @throws {InsufficientStorageError} when there still is no room. Other errors are passed on at
   * once.
   */
  store<R>(work: () => Promise<R>): Promise<R> {
    return work().catch((error: unknown) => this.#goOn(work, error))
  }

  async #goOn<R>(work: () => Promise<R>, failure: unknown): Promise<R> {
    let error = failure
    for (let tries = 0; error instanceof InsufficientStorageError; tries++) {
      const pause = PAUSES[tries]
      if (pause === undefined) this.#fullUntil = performance.now() + FULL
      if (pause === undefined || performance.now() < this.#fullUntil) break
      await sleep(pause)
      try {
        return await work()
      } catch (again) {
        error = again
      }
    }
    throw error
  }
}
