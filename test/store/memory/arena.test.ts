import test from 'ava'
import fc from 'fast-check'
import { Arena, MAX_PART } from '../../../src/store/memory/arena.ts'
import { isCollected } from '../../helpers/garbage.ts'

const BLOCK = 256 * 1024
const at = ({ buffer, byteOffset }: Buffer) => ({ buffer, byteOffset })
const isSame = (one: Buffer, other: Buffer) =>
  one.buffer === other.buffer && one.byteOffset === other.byteOffset

test('parts have the length that was asked for, and none overlaps another', (t) => {
  const length = fc.oneof(fc.nat(MAX_PART), fc.constantFrom(0, 1, 1024, 1025, 4096, 4097, MAX_PART))
  const property = fc.property(fc.array(length, { maxLength: 200 }), (lengths) => {
    const arena = new Arena()
    const parts = lengths.map((length) => arena.take(length))
    for (const [i, part] of parts.entries()) part.fill(i)
    for (const [i, part] of parts.entries()) {
      t.is(part.length, lengths[i]!)
      t.true(part.every((byte) => byte === i % 256))
    }
  })
  fc.assert(property, { numRuns: 30 })
})

test('a part that was given back is lent again, to others of about its size', (t) => {
  const arena = new Arena()
  const part = arena.take(4096)
  t.true(arena.giveBack(part.subarray(100, 200)))
  t.false(isSame(arena.take(1000), part))
  t.true(isSame(arena.take(3000), part))
})

test('a part is lent to one at a time, however often it is given back', (t) => {
  const arena = new Arena()
  const part = arena.take(4096)
  t.true(arena.giveBack(part))
  t.false(arena.giveBack(part))
  t.false(isSame(arena.take(4096), arena.take(4096)))
})

test('a part that several share is lent again when the last of them has given it back', (t) => {
  const arena = new Arena()
  const part = arena.take(4096)
  arena.share(part, 3)
  t.false(arena.giveBack(part))
  t.false(arena.giveBack(part.subarray(7)))
  t.false(isSame(arena.take(4096), part))
  t.true(arena.giveBack(part))
  t.true(isSame(arena.take(4096), part))
})

test('what is shared or given back and is not of the arena is left alone', (t) => {
  const arena = new Arena()
  const foreign = Buffer.alloc(4096)
  arena.share(foreign, 2)
  t.false(arena.giveBack(foreign))
  t.not(arena.take(4096).buffer, foreign.buffer)
})

test('an empty end of a part is not the part behind it', (t) => {
  const arena = new Arena()
  const parts = Array.from({ length: BLOCK / 1024 }, () => arena.take(1024))
  for (const part of parts) {
    t.false(arena.giveBack(part.subarray(1024)))
    arena.share(part.subarray(1024), 0)
  }
  t.not(arena.take(1024).buffer, parts[0]!.buffer)
  t.true(parts.every((part) => arena.giveBack(part)))
})

test('whatever is taken and given back, nobody gets what another one has', (t) => {
  const step = fc.record({ length: fc.nat(MAX_PART), keep: fc.boolean(), which: fc.nat() })
  const property = fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const arena = new Arena()
    const lent: { part: Buffer; mark: number }[] = []
    for (const [mark, { length, keep, which }] of steps.entries()) {
      const part = arena.take(length).fill(mark)
      lent.push({ part, mark })
      if (keep) continue
      const [{ part: back, mark: old }] = lent.splice(which % lent.length, 1) as [(typeof lent)[0]]
      t.true(back.every((byte) => byte === old % 256))
      arena.giveBack(back)
      if (which % 7 === 0) arena.letGo()
    }
    for (const { part, mark } of lent) t.true(part.every((byte) => byte === mark % 256))
  })
  fc.assert(property, { numRuns: 30 })
})

test('blocks that nobody needed are let go, and those in use serve on', (t) => {
  const arena = new Arena()
  const perBlock = BLOCK / 4096
  const parts = Array.from({ length: 3 * perBlock }, () => arena.take(4096))
  t.is(new Set(parts.map(({ buffer }) => buffer)).size, 3)
  for (const part of parts) arena.giveBack(part)
  t.true(arena.letGo())
  const { buffer } = arena.take(4096)
  t.true(arena.letGo())
  t.is(arena.take(4096).buffer, buffer)
  t.true(arena.letGo())
  t.false(arena.letGo())
  t.not(arena.take(4096).buffer, buffer)
})

test('a part of a block that was let go brings the block back', (t) => {
  const arena = new Arena()
  const part = arena.take(4096)
  arena.letGo()
  t.false(arena.letGo())
  const other = arena.take(4096)
  t.not(other.buffer, part.buffer)
  arena.giveBack(part)
  t.deepEqual(at(arena.take(4096)), at(part))
})

test('what is never given back is not kept alive, full blocks and others', async (t) => {
  const arena = new Arena()
  const dropped = Array.from({ length: 100 }, () => new WeakRef(arena.take(20_000).buffer))
  arena.letGo()
  arena.letGo()
  t.true(await isCollected(dropped))
  t.is(arena.take(20_000).length, 20_000)
})
