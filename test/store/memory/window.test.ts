import test from 'ava'
import fc from 'fast-check'
import { readAhead, Window, windowFor } from '../../../src/store/memory/window.ts'
import { type Deferred, deferred, turns } from '../../helpers/deferred.ts'

test('there is room again when a task has ended', async (t) => {
  const window = new Window(2)
  const [one, two] = [deferred(), deferred()]
  await window.room()
  window.add(one.promise)
  await window.room()
  window.add(two.promise)
  let hasRoom = false
  const room = window.room().then(() => {
    hasRoom = true
  })
  await turns()
  t.false(hasRoom)
  two.resolve()
  await room
  one.resolve()
  await window.finish()
})

test('the first failure is kept for whoever asks for room, and for the end', async (t) => {
  const window = new Window(1)
  const task = deferred()
  window.add(task.promise)
  const room = window.room()
  task.reject(new Error('first'))
  await t.throwsAsync(room, { message: 'first' })
  window.add(Promise.reject(new Error('second')))
  await t.throwsAsync(window.finish(), { message: 'first' })
})

test('settled waits for every task, however it ends, and never rejects', async (t) => {
  const window = new Window(3)
  const slow = deferred()
  window.add(Promise.reject(new Error('early')))
  window.add(slow.promise)
  let settled = false
  const end = window.settled().then(() => {
    settled = true
  })
  await turns()
  t.false(settled)
  slow.resolve()
  await end
  t.true(settled)
})

test('a window has about 2 MiB under way, at least two chunks, at most 64', (t) => {
  t.is(windowFor(524_038), 4)
  t.is(windowFor(16 * 1024 * 1024), 2)
  t.is(windowFor(1), 64)
})

async function collect<T>(results: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const result of results) all.push(result)
  return all
}

/** Fetches that the test finishes one by one. */
function manual(count: number, limit: number) {
  const fetches: Deferred<number>[] = []
  const items = Array.from({ length: count }, (_, index) => index)
  const results = readAhead(items, limit, () => {
    const fetch = deferred<number>()
    fetches.push(fetch)
    return fetch.promise
  })
  return { fetches, results }
}

test('results come in order whatever order they arrive in, never more ahead than allowed', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(3), { maxLength: 30 }),
      fc.integer({ min: 1, max: 6 }),
      async (delays, limit) => {
        let underway = 0
        let most = 0
        const results = readAhead(delays.entries(), limit, async ([index, delay]) => {
          most = Math.max(most, ++underway)
          await turns(delay)
          underway--
          return index
        })
        t.deepEqual(await collect(results), [...delays.keys()])
        t.true(most <= limit)
      },
    ),
    { numRuns: 50 },
  )
})

test('the next fetch starts when a result is taken, not before', async (t) => {
  const { fetches, results } = manual(5, 2)
  const first = results.next()
  await turns()
  t.is(fetches.length, 2)
  fetches[0]!.resolve(10)
  t.is((await first).value, 10)
  await turns()
  t.is(fetches.length, 3)
  for (const fetch of fetches) fetch.resolve(0)
  await results.return()
})

test('the first failure in order ends it, after what came before', async (t) => {
  const { fetches, results } = manual(3, 3)
  const first = results.next()
  fetches[1]!.reject(new Error('second'))
  fetches[0]!.resolve(1)
  fetches[2]!.reject(new Error('third'))
  t.is((await first).value, 1)
  await t.throwsAsync(() => results.next(), { message: 'second' })
  t.true((await results.next()).done)
})

test('nothing is under way any more when it has ended early', async (t) => {
  const { fetches, results } = manual(5, 3)
  const first = results.next()
  fetches[0]!.resolve(1)
  await first
  let ended = false
  const end = results.return().then(() => {
    ended = true
  })
  await turns()
  t.false(ended)
  for (const fetch of fetches) fetch.reject(new Error('late'))
  await end
  t.true(ended)
})

test('nothing is under way any more when it has failed', async (t) => {
  const { fetches, results } = manual(3, 3)
  let failed = false
  const first = results.next().catch(() => {
    failed = true
  })
  fetches[0]!.reject(new Error('first'))
  await turns()
  t.false(failed)
  fetches[1]!.resolve(1)
  fetches[2]!.resolve(2)
  await first
  t.true(failed)
})

test('no items, no results, no fetches', async (t) => {
  const { fetches, results } = manual(0, 3)
  t.deepEqual(await collect(results), [])
  t.is(fetches.length, 0)
})
