import test from 'ava'
import { Budgets } from '../../../src/store/memory/budgets.ts'
import { validateOptions } from '../../../src/store/options.ts'

const budgetsOf = (chunkSize: number, total: number, perRead?: number) =>
  new Budgets(
    validateOptions({ chunkSize, memory: { total, ...(perRead !== undefined && { perRead }) } }),
  )

test('all parts together are the total that was configured', (t) => {
  for (const total of [6000, 6001, 123_457]) t.is(budgetsOf(1000, total).usage.total, total)
})

test('invariant 7: a window has room for the chunk in hand beside those under way', async (t) => {
  const chunkSize = 1000
  for (const total of [6000, 6003, 9999, 20_000, 1_000_000]) {
    const budgets = budgetsOf(chunkSize, total)
    for (const bytes of [0, 1, 999, 1000, 1001, 2000, 2500, 3000, 64_000, Infinity]) {
      const window = await budgets.window(bytes, chunkSize)
      const chunks = Math.min(window.chunks + 1, Math.ceil(bytes / chunkSize))
      t.true(Math.min(chunks * chunkSize, bytes) <= budgets.usage.used, `${bytes} of ${total}`)
      window.release()
      t.is(budgets.usage.used, 0)
    }
  }
})

test('what is over the limit for one read is not held', async (t) => {
  const budgets = budgetsOf(1000, 100_000, 5000)
  t.is(await budgets.hold(5001), undefined)
  const lease = await budgets.hold(5000)
  t.is(lease?.bytes, 5000)
  lease?.release()
  t.is(budgets.usage.used, 0)
})

test('what finds no room to be held is read twice, after a while', async (t) => {
  const budgets = budgetsOf(1000, 6000, 2000)
  const lease = await budgets.hold(2000)
  t.is(await budgets.hold(1), undefined)
  lease?.release()
  t.deepEqual(budgets.usage, { used: 0, total: 6000, waiting: 0 })
})

test('an abort while waiting for room is an abort, not a reason to read twice', async (t) => {
  const budgets = budgetsOf(1000, 6000, 2000)
  const lease = await budgets.hold(2000)
  const controller = new AbortController()
  const waiting = budgets.hold(1, controller.signal)
  controller.abort(new Error('gone'))
  await t.throwsAsync(waiting, { message: 'gone' })
  lease?.release()
})

test('the last reads of their part take less', async (t) => {
  const chunkSize = 2 ** 19
  const budgets = budgetsOf(chunkSize, 128 * chunkSize)
  const windows = []
  while (budgets.usage.used + 2 * chunkSize <= 16 * chunkSize) {
    windows.push(await budgets.window(Number.POSITIVE_INFINITY, chunkSize))
  }
  t.deepEqual(
    windows.map(({ chunks }) => chunks),
    [4, 4, 1, 1, 1],
  )
  for (const { release } of windows) release()
  t.is(budgets.usage.used, 0)
})
