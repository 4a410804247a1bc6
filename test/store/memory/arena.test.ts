import test from 'ava'
import fc from 'fast-check'
import { Arena, MAX_PART } from '../../../src/store/memory/arena.ts'
import type { ChunkBytes } from '../../../src/store/memory/chunk-bytes.ts'
import { isCollected } from '../../helpers/garbage.ts'

const BLOCK = 256 * 1024
const memoryOf = ({ bytes }: ChunkBytes) => bytes.buffer
const isSame = ({ bytes: one }: ChunkBytes, { bytes: other }: ChunkBytes) =>
  one.buffer === other.buffer && one.byteOffset === other.byteOffset

test('parts have the length that was asked for, and none overlaps another', (t) => {
  const length = fc.oneof(fc.nat(MAX_PART), fc.constantFrom(0, 1, 1024, 1025, 4096, 4097, MAX_PART))
  const property = fc.property(fc.array(length, { maxLength: 200 }), (lengths) => {
    const arena = new Arena()
    const parts = lengths.map((length) => arena.take(length).bytes)
    for (const [i, part] of parts.entries()) part.fill(i)
    for (const [i, part] of parts.entries()) {
      t.is(part.length, lengths[i]!)
      t.true(part.every((byte) => byte === i % 256))
    }
  })
  fc.assert(property, { numRuns: 30 })
})

test('a part that was released is lent again, to others of about its size', (t) => {
  const arena = new Arena()
  const part = arena.take(4096)
  part.release()
  t.false(isSame(arena.take(1000), part))
  t.true(isSame(arena.take(3000), part))
})

test('in any order of takes and releases, no part is lent twice at a time', (t) => {
  const step = fc.record({ length: fc.nat(MAX_PART), keep: fc.boolean(), which: fc.nat() })
  const property = fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const arena = new Arena()
    const lent: { part: ChunkBytes; mark: number }[] = []
    for (const [mark, { length, keep, which }] of steps.entries()) {
      const part = arena.take(length)
      part.bytes.fill(mark)
      lent.push({ part, mark })
      if (keep) continue
      const [{ part: back, mark: old }] = lent.splice(which % lent.length, 1) as [(typeof lent)[0]]
      t.true(back.bytes.every((byte) => byte === old % 256))
      back.release()
      if (which % 7 === 0) arena.dropUnused()
    }
    for (const { part, mark } of lent) t.true(part.bytes.every((byte) => byte === mark % 256))
  })
  fc.assert(property, { numRuns: 30 })
})

test('blocks that were not needed are dropped, and those in use serve on', (t) => {
  const arena = new Arena()
  const perBlock = BLOCK / 4096
  const parts = Array.from({ length: 3 * perBlock }, () => arena.take(4096))
  t.is(new Set(parts.map(memoryOf)).size, 3)
  for (const part of parts) part.release()
  t.true(arena.dropUnused())
  const memory = memoryOf(arena.take(4096))
  t.true(arena.dropUnused())
  t.is(memoryOf(arena.take(4096)), memory)
  t.true(arena.dropUnused())
  t.false(arena.dropUnused())
  t.not(memoryOf(arena.take(4096)), memory)
})

test('a part of a block that was dropped brings the block back', (t) => {
  const arena = new Arena()
  const part = arena.take(4096)
  arena.dropUnused()
  t.false(arena.dropUnused())
  const other = arena.take(4096)
  t.not(memoryOf(other), memoryOf(part))
  part.release()
  t.true(isSame(arena.take(4096), part))
})

test('what is never released is not kept alive, full blocks and others', async (t) => {
  const arena = new Arena()
  const dropped = Array.from({ length: 100 }, () => new WeakRef(memoryOf(arena.take(20_000))))
  arena.dropUnused()
  arena.dropUnused()
  t.true(await isCollected(dropped))
  t.is(arena.take(20_000).length, 20_000)
})
