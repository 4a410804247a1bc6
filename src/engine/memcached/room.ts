import { setTimeout as sleep } from 'node:timers/promises'
import { InsufficientStorageError } from '../../errors.ts'

/** Milliseconds until memcached is asked again, each time: one second in all. */
const PAUSES = [10, 20, 40, 80, 150, 300, 400]

/**
 * Stores what memcached has no room for once more, for about a second. Where a size has few pages, all of
 * its items may have been used lately: it evicts none of them until its LRU maintainer, a thread
 * that looks several times a second, has moved some; or a page may be on its way from another size.
 * @throws {InsufficientStorageError} when there still is none.
 */
export async function onceThereIsRoom<R>(store: () => Promise<R>): Promise<R> {
  for (const pause of PAUSES) {
    try {
      return await store()
    } catch (error) {
      if (!(error instanceof InsufficientStorageError)) throw error
      await sleep(pause)
    }
  }
  return store()
}
