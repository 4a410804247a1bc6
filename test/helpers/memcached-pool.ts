import type { ExecutionContext } from 'ava'
import test from 'ava'
import { launchMemcached, type Memcached } from './memcached.ts'

/**
 * Lends sets of memcacheds to the tests of a file, flushed before each use. For tests that do not stop
 * the processes, and would otherwise start hundreds.
 */
export function memcachedPool(sets: number, size: number) {
  const free: Memcached[][] = []
  const all: Memcached[] = []
  const waiting: ((set: Memcached[]) => void)[] = []
  const giveBack = (set: Memcached[]) => {
    const next = waiting.shift()
    if (next) next(set)
    else free.push(set)
  }
  test.before(async () => {
    for (let i = 0; i < sets; i++) {
      const settings = { memoryMb: 32 }
      const set = await Promise.all(Array.from({ length: size }, () => launchMemcached(settings)))
      all.push(...set)
      giveBack(set)
    }
  })
  test.after.always(() => Promise.all(all.map((server) => server.dispose())))
  return async (t: ExecutionContext): Promise<Memcached[]> => {
    const set = free.pop() ?? (await new Promise<Memcached[]>((resolve) => waiting.push(resolve)))
    await Promise.all(set.map(({ raw }) => raw.flush()))
    t.teardown(() => giveBack(set))
    return set
  }
}
