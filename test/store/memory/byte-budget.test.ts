import test from 'ava'
import fc from 'fast-check'
import { UnavailableError } from '../../../src/errors.ts'
import { ByteBudget, type Lease } from '../../../src/store/memory/byte-budget.ts'
import { turns } from '../../helpers/deferred.ts'

test('a lease has between min and want, whatever is left', (t) => {
  const budget = new ByteBudget(100)
  const first = budget.tryAcquire(10, 70)!
  const second = budget.tryAcquire(10, 70)!
  t.is(first.bytes, 70)
  t.is(second.bytes, 30)
  t.is(budget.used, 100)
  t.is(budget.tryAcquire(1), undefined)
})

test('releasing twice gives back once', (t) => {
  const budget = new ByteBudget(100)
  const lease = budget.tryAcquire(60)!
  const other = budget.tryAcquire(40)!
  lease.release()
  lease.release()
  t.is(budget.used, 40)
  other.release()
  t.is(budget.used, 0)
})

test('who waits is served in the order of coming, the small one behind the large one too', async (t) => {
  const budget = new ByteBudget(100)
  const all = budget.tryAcquire(100)!
  const order: string[] = []
  const take = async (name: string, bytes: number) => {
    const lease = await budget.acquire(bytes, bytes)
    order.push(name)
    return lease
  }
  const large = take('large', 90)
  const small = take('small', 20)
  const tiny = take('tiny', 1)
  t.is(budget.waiting, 3)
  t.is(budget.tryAcquire(0), undefined, 'nobody overtakes the line')
  all.release()
  const largeLease = await large
  await turns()
  t.deepEqual(order, ['large'])
  largeLease.release()
  const others = await Promise.all([small, tiny])
  t.deepEqual(order, ['large', 'small', 'tiny'])
  for (const lease of others) lease.release()
  t.is(budget.used, 0)
})

test('a request for more than there is in all is one for all there is', async (t) => {
  const budget = new ByteBudget(100)
  const one = budget.tryAcquire(1)!
  const greedy = budget.acquire(1000, 2000)
  await turns()
  t.is(budget.waiting, 1)
  one.release()
  const lease = await greedy
  t.is(lease.bytes, 100)
  lease.release()
  t.is(budget.used, 0)
})

test('aborting leaves the line, and lets the next one move up', async (t) => {
  const budget = new ByteBudget(100)
  const held = budget.tryAcquire(50)!
  const controller = new AbortController()
  const large = budget.acquire(80, 80, { signal: controller.signal })
  const small = budget.acquire(50, 50)
  t.is(budget.waiting, 2)
  controller.abort(new Error('no longer wanted'))
  await t.throwsAsync(large, { message: 'no longer wanted' })
  const lease = await small
  t.is(budget.waiting, 0)
  held.release()
  lease.release()
  t.is(budget.used, 0)
})

test('a signal that was aborted before is noticed before waiting', async (t) => {
  const budget = new ByteBudget(1)
  const held = budget.tryAcquire(1)!
  const signal = AbortSignal.abort(new Error('before'))
  await t.throwsAsync(budget.acquire(1, 1, { signal }), { message: 'before' })
  t.is(budget.waiting, 0)
  held.release()
})

test('aborting after the lease was granted takes nothing back', async (t) => {
  const budget = new ByteBudget(1)
  const held = budget.tryAcquire(1)!
  const controller = new AbortController()
  const waiting = budget.acquire(1, 1, { signal: controller.signal })
  held.release()
  const lease = await waiting
  controller.abort()
  t.is(budget.used, 1)
  lease.release()
  t.is(budget.used, 0)
})

test('patience ends with an error that says when to come again', async (t) => {
  const budget = new ByteBudget(1)
  const held = budget.tryAcquire(1)!
  const error = await t.throwsAsync(budget.acquire(1, 1, { patienceMs: 5 }), {
    instanceOf: UnavailableError,
  })
  t.is(error?.retryAfter, 1)
  t.is(budget.waiting, 0)
  held.release()
  t.is(budget.used, 0)
})

test('a full line turns away at once', async (t) => {
  const budget = new ByteBudget(1, 2)
  const held = budget.tryAcquire(1)!
  const line = [budget.acquire(1, 1), budget.acquire(1, 1)]
  await t.throwsAsync(budget.acquire(1, 1), { instanceOf: UnavailableError })
  held.release()
  for (const waiting of line) (await waiting).release()
  t.is(budget.used, 0)
})

test('invariant 7: never more is lent than there is, and everyone is served in the end', async (t) => {
  const request = fc.record({ min: fc.nat(120), more: fc.nat(60), turns: fc.nat(3) })
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 60 }), async (requests) => {
      const budget = new ByteBudget(100)
      let lent = 0
      await Promise.all(
        requests.map(async ({ min, more, turns: hold }) => {
          const lease: Lease = await budget.acquire(min, min + more)
          lent += lease.bytes
          t.true(lent <= 100)
          t.true(lease.bytes >= Math.min(min, 100) && lease.bytes <= min + more)
          await turns(hold)
          lent -= lease.bytes
          lease.release()
        }),
      )
      t.is(budget.used, 0)
      t.is(budget.waiting, 0)
    }),
    { numRuns: 60 },
  )
})
