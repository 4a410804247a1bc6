import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { BufferPool } from '../../../src/store/memory/pool.ts'
import { isCollected } from '../../helpers/garbage.ts'

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

test('a smaller buffer is a part of one, and the whole is lent again', (t) => {
  const pool = new BufferPool(10, 4)
  const part = pool.take(7)
  t.is(part.length, 7)
  pool.giveBack(part)
  const whole = pool.take()
  t.is(whole.buffer, part.buffer)
  t.is(whole.length, 10)
})

test('what is much smaller or larger than a buffer is not lent, and never enters the pool', (t) => {
  const pool = new BufferPool(1000, 4)
  for (const length of [0, 1, 249, 1001, 5000]) {
    const buffer = pool.take(length)
    t.is(buffer.length, length)
    pool.giveBack(buffer)
    t.is(pool.take().buffer.byteLength, 1000)
  }
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

test('what was free for a whole period is let go, and what was needed stays', async (t) => {
  const pool = new BufferPool(1024, 8, 50)
  const lent = Array.from({ length: 5 }, () => pool.take())
  const memory = new Set(lent.map(({ buffer }) => buffer))
  for (const buffer of lent) pool.giveBack(buffer)
  for (let period = 0; period < 4; period++) {
    pool.giveBack(pool.take())
    await sleep(50)
  }
  t.true(memory.has(pool.take().buffer))
  t.false(memory.has(pool.take().buffer))
})

test('what is owned is as long as it was, in memory of its own, and no other size enters the pool', (t) => {
  const pool = new BufferPool(1000, 4)
  const lent = pool.take(900)
  t.is(pool.own(lent) as Buffer, lent)
  for (const length of [0, 10, 249, 250, 999, 1000, 1001, 5000]) {
    const own = pool.own(Buffer.alloc(length, 7))
    t.deepEqual(own, Buffer.alloc(length, 7))
    t.true(own.buffer.byteLength === length || own.buffer.byteLength === 1000)
    const back = structuredClone(own.buffer, { transfer: [own.buffer] })
    pool.adopt(back)
    pool.giveBack(Buffer.from(back))
    t.is(pool.take().buffer.byteLength, 1000)
  }
})

test('what is never given back is not kept alive', async (t) => {
  const pool = new BufferPool(1024, 4)
  const dropped = Array.from({ length: 10 }, () => new WeakRef(pool.take().buffer))
  t.true(await isCollected(dropped))
  t.is(pool.take().length, 1024)
})
