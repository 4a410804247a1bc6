import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { ChunkBytes } from '../../../src/store/memory/chunk-bytes.ts'
import { BufferPool } from '../../../src/store/memory/pool.ts'
import { isCollected } from '../../helpers/garbage.ts'

const memoryOf = ({ bytes }: ChunkBytes) => bytes.buffer

test('memory that was released is lent again, all of it, to one at a time', (t) => {
  const pool = new BufferPool(10, 4)
  const part = pool.take(7)
  t.is(part.length, 7)
  part.bytes = part.bytes.subarray(0, 3)
  part.release()
  part.release()
  const whole = pool.take()
  t.is(memoryOf(whole), memoryOf(part))
  t.is(whole.length, 10)
  t.not(memoryOf(pool.take()), memoryOf(part))
})

for (const [kind, length] of [
  ['a chunk', 500_000],
  ['a small part of a block', 4000],
] as const) {
  test(`memory of several users is lent again when the last of them has released it: ${kind}`, (t) => {
    const pool = new BufferPool(500_000, 4)
    const isSame = ({ bytes: one }: ChunkBytes, { bytes: other }: ChunkBytes) =>
      one.buffer === other.buffer && one.byteOffset === other.byteOffset
    const chunk = pool.take(length)
    chunk.retain(2)
    for (let i = 0; i < 2; i++) {
      chunk.release()
      t.false(isSame(pool.take(length), chunk))
    }
    chunk.release()
    t.true(isSame(pool.take(length), chunk))
  })
}

test('what is much smaller or larger than a chunk is new, and never enters the pool', (t) => {
  const pool = new BufferPool(1000, 4)
  for (const length of [0, 1, 249, 1001, 5000]) {
    const chunk = pool.take(length)
    t.is(chunk.length, length)
    chunk.release()
    t.is(memoryOf(pool.take()).byteLength, 1000)
  }
})

test('memory that is not of the pool never enters it', (t) => {
  const pool = new BufferPool(10, 4)
  const foreign = new ChunkBytes(Buffer.alloc(10))
  foreign.release()
  t.not(memoryOf(pool.take()), memoryOf(foreign))
})

test('no more than the limit is kept for later', (t) => {
  const pool = new BufferPool(10, 1)
  const [one, two] = [pool.take(), pool.take()]
  one.release()
  two.release()
  t.is(memoryOf(pool.take()), memoryOf(one))
  t.not(memoryOf(pool.take()), memoryOf(two))
})

test('what was free for a whole period is dropped, and what was needed stays', async (t) => {
  const pool = new BufferPool(1024, 8, 50)
  const lent = Array.from({ length: 5 }, () => pool.take())
  const memory = new Set(lent.map(memoryOf))
  for (const chunk of lent) chunk.release()
  for (let period = 0; period < 4; period++) {
    pool.take().release()
    await sleep(50)
  }
  t.true(memory.has(memoryOf(pool.take())))
  t.false(memory.has(memoryOf(pool.take())))
})

test('what is alone has all of its memory, whatever its length', (t) => {
  const pool = new BufferPool(1000, 4)
  for (const length of [0, 10, 249, 250, 999, 1000, 1001, 5000]) {
    const { isAlone, bytes } = pool.takeAlone(length)
    t.true(isAlone)
    t.is(bytes.length, length)
    t.true(bytes.buffer.byteLength === length || bytes.buffer.byteLength === 1000)
  }
  t.false(pool.take(100).isAlone)
})

test('what is never released is not kept alive', async (t) => {
  const pool = new BufferPool(1024, 4)
  const dropped = Array.from({ length: 10 }, () => new WeakRef(memoryOf(pool.take())))
  t.true(await isCollected(dropped))
  t.is(pool.take().length, 1024)
})
