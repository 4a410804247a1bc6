import test from 'ava'
import { BufferPool } from '../../src/store/buffer-pool.ts'
import { isCollected } from '../helpers/garbage.ts'

test('a buffer that was given back is lent again', (t) => {
  const pool = new BufferPool(10, 2)
  const first = pool.take()
  t.is(first.length, 10)
  pool.giveBack(first.subarray(0, 3))
  t.is(pool.take().buffer, first.buffer)
})

test('a buffer is lent to one at a time, however often it is given back', (t) => {
  const pool = new BufferPool(10, 4)
  const buffer = pool.take()
  pool.giveBack(buffer)
  pool.giveBack(buffer)
  t.not(pool.take().buffer, pool.take().buffer)
})

test('a buffer that may still be on its way to a socket is not lent again', (t) => {
  const pool = new BufferPool(10, 4)
  const buffer = pool.take()
  pool.giveBack(buffer, false)
  pool.giveBack(buffer)
  t.not(pool.take().buffer, buffer.buffer)
})

test('memory that is not of the pool never enters it', (t) => {
  const pool = new BufferPool(10, 4)
  const foreign = Buffer.alloc(10)
  pool.giveBack(foreign)
  t.not(pool.take().buffer, foreign.buffer)
})

test('no more than the limit is kept for later', (t) => {
  const pool = new BufferPool(10, 1)
  const [one, two] = [pool.take(), pool.take()]
  pool.giveBack(one)
  pool.giveBack(two)
  t.is(pool.take().buffer, one.buffer)
  t.not(pool.take().buffer, two.buffer)
})

test('what is never given back is not kept alive', async (t) => {
  const pool = new BufferPool(1024, 4)
  const dropped = Array.from({ length: 10 }, () => new WeakRef(pool.take().buffer))
  t.true(await isCollected(dropped))
  t.is(pool.take().length, 1024)
})
