import { Readable } from 'node:stream'
import test from 'ava'
import { FileStore, memory } from '../../../src/index.ts'
import { Budgets } from '../../../src/store/memory/budgets.ts'
import { validateOptions } from '../../../src/store/options.ts'

const CHUNK = 100_000
/** Of 16 chunks uploads have four: one for starts of chunks, three for chunks. */
const newBudgets = () =>
  new Budgets(validateOptions({ chunkSize: CHUNK, memory: { total: 16 * CHUNK } }))

test('invariant 7: an upload holds memory for what came, and none before', (t) => {
  const budgets = newBudgets()
  const upload = budgets.upload(Number.POSITIVE_INFINITY)
  t.is(budgets.usage.used, 0)
  for (const bytes of [1, 10, 12_500]) {
    t.is(upload.reserve(bytes), undefined)
    t.is(budgets.usage.used, 12_500)
  }
  for (const bytes of [12_501, CHUNK]) {
    t.is(upload.reserve(bytes), undefined)
    t.is(budgets.usage.used, CHUNK)
  }
  const first = upload.complete(CHUNK)
  t.is(upload.reserve(1), undefined)
  t.is(budgets.usage.used, 2 * CHUNK)
  const second = upload.complete(CHUNK)
  upload.giveBack(first)
  upload.giveBack(second)
  t.is(budgets.usage.used, CHUNK, 'room for what comes next')
  upload.close()
  t.is(budgets.usage.used, 0)
})

test('an upload whose size is known holds no more than that', (t) => {
  const budgets = newBudgets()
  for (const size of [0, 1, 12_500, 50_000, CHUNK, CHUNK + 20_000]) {
    const upload = budgets.upload(size)
    for (let at = 0; at < size; at += CHUNK) {
      const bytes = Math.min(CHUNK, size - at)
      t.is(upload.reserve(bytes), undefined)
      t.true(upload.room >= bytes)
      upload.giveBack(upload.complete(bytes))
    }
    t.true(budgets.usage.used <= Math.min(size, CHUNK), `${size}`)
    upload.close()
    t.is(budgets.usage.used, 0)
  }
})

test('small uploads find room while large ones hold all of theirs, and so do reads', async (t) => {
  const budgets = newBudgets()
  const uploads = [1, 2, 3, 4].map(() => budgets.upload(2 * CHUNK))
  const waits = uploads.map((upload) => upload.reserve(CHUNK))
  t.deepEqual(
    waits.map((wait) => wait === undefined),
    [true, true, true, false],
  )
  const small = budgets.upload(10_000)
  t.is(small.reserve(10_000), undefined)
  const read = await budgets.window(Number.POSITIVE_INFINITY, CHUNK)
  t.is(budgets.usage.waiting, 1)
  for (const upload of uploads.slice(0, 3)) upload.close()
  await waits[3]
  uploads[3]!.close()
  small.close()
  read.release()
  t.is(budgets.usage.used, 0)
})

test('an upload that has begun goes on with the room of its own chunk, however many wait', async (t) => {
  const budgets = newBudgets()
  const uploads = [1, 2, 3].map(() => budgets.upload(Number.POSITIVE_INFINITY))
  for (const upload of uploads) upload.reserve(CHUNK)
  const late = budgets.upload(Number.POSITIVE_INFINITY)
  const waiting = late.reserve(CHUNK)
  const [first] = uploads
  for (let round = 0; round < 3; round++) {
    const room = first!.complete(CHUNK)
    const next = first!.reserve(CHUNK)
    t.not(next, undefined, 'its only room is in use')
    first!.giveBack(room)
    await next
    t.is(budgets.usage.waiting, 1)
  }
  for (const upload of uploads) upload.close()
  await waiting
  late.close()
  t.is(budgets.usage.used, 0)
})

test('an upload whose client leaves while it waits gives all of it back', async (t) => {
  const budgets = newBudgets()
  const uploads = [1, 2, 3].map(() => budgets.upload(Number.POSITIVE_INFINITY))
  for (const upload of uploads) upload.reserve(CHUNK)
  const controller = new AbortController()
  const leaving = budgets.upload(Number.POSITIVE_INFINITY, controller.signal)
  const waiting = leaving.reserve(CHUNK)!
  controller.abort(new Error('gone'))
  await t.throwsAsync(waiting, { message: 'gone' })
  for (const upload of [...uploads, leaving]) upload.close()
  t.deepEqual(budgets.usage, { used: 0, total: 16 * CHUNK, waiting: 0 })
})

test('a size that is no number of bytes is refused, and leaves the memory as it was', async (t) => {
  const store = new FileStore(memory())
  for (const size of [Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY]) {
    const source = Readable.from(['xx'])
    const wrong = { code: 'bad-request', message: /size/ }
    await t.throwsAsync(store.put('xx', { size }), wrong)
    await t.throwsAsync(store.stage('xx', { size }), wrong)
    await t.throwsAsync(
      store.getOrPut('a', () => ({ source, size })),
      wrong,
    )
    t.true(source.destroyed)
    t.is(store.memoryUsage.used, 0)
  }
})
