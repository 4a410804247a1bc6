import test from 'ava'
import fc from 'fast-check'
import { Digest } from '../../../src/digest.ts'
import { isPossible, MAX_CHUNK_SIZE, Manifest } from '../../../src/store/records/manifest.ts'
import { bytes } from '../../helpers/bytes.ts'

const digests = (count: number) => bytes('digests', count * 32)
const digest = Digest.from(bytes('digest', 32))

test('chunks follow each other and end with the file', (t) => {
  fc.assert(
    fc.property(fc.nat(5000), fc.integer({ min: 1, max: 400 }), (size, chunkSize) => {
      const count = Math.ceil(size / chunkSize)
      const whole = count === 1 ? Digest.from(digests(1)) : digest
      const manifest = new Manifest(whole, size, chunkSize, digests(count))
      let end = 0
      for (const chunk of manifest.chunks()) {
        t.is(chunk.offset, end)
        t.true(chunk.size > 0 && chunk.size <= chunkSize)
        t.deepEqual(
          chunk.digest.bytes,
          digests(count)
            .subarray(chunk.index * 32)
            .subarray(0, 32),
        )
        end += chunk.size
      }
      t.is(end, size)
      t.is(manifest.chunkCount, count)
    }),
  )
})

test('ranges need the chunks that hold their bytes, each once, in order, and no other', (t) => {
  const range = fc.tuple(fc.nat(1000), fc.nat(1000))
  fc.assert(
    fc.property(fc.array(range, { maxLength: 5 }), fc.integer({ min: 1, max: 99 }), (all, size) => {
      const manifest = new Manifest(digest, 1000, size, digests(Math.ceil(1000 / size)))
      const ranges = all.map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }))
      const needed = new Set<number>()
      for (const { start, end } of ranges) {
        for (let at = start; at < end; at++) needed.add(Math.floor(at / size))
      }
      t.deepEqual(
        manifest.indicesOf(ranges),
        [...needed].sort((a, b) => a - b),
      )
    }),
    { numRuns: 50 },
  )
})

const one = digests(1)
const oneDigest = Digest.from(one)
const figures: [string, boolean, Parameters<typeof isPossible>][] = [
  ['the empty file', true, [Digest.empty, 0, 10, Buffer.alloc(0)]],
  ['another empty file', false, [digest, 0, 10, Buffer.alloc(0)]],
  ['an empty file with a chunk', false, [Digest.empty, 0, 10, one]],
  ['a file of one chunk', true, [oneDigest, 10, 10, one]],
  ['a file of one chunk that is another file', false, [digest, 10, 10, one]],
  ['two chunks', true, [digest, 11, 10, digests(2)]],
  ['a chunk too few', false, [digest, 21, 10, digests(2)]],
  ['a chunk too many', false, [digest, 20, 10, digests(3)]],
  ['half a digest', false, [digest, 11, 10, digests(2).subarray(0, 48)]],
  ['no chunk size', false, [digest, 11, 0, digests(2)]],
  ['a negative chunk size', false, [digest, 11, -1, digests(2)]],
  ['the largest chunk', true, [oneDigest, 1, MAX_CHUNK_SIZE, one]],
  ['a larger chunk', false, [oneDigest, 1, MAX_CHUNK_SIZE + 1, one]],
  ['a negative size', false, [digest, -1, 10, Buffer.alloc(0)]],
  ['a size beyond what a number counts', false, [digest, 2 ** 53, 1, Buffer.alloc(0)]],
  ['not a number', false, [digest, Number.NaN, 10, Buffer.alloc(0)]],
]
for (const [what, expected, args] of figures) {
  test(`${what}: ${expected ? 'possible' : 'impossible'}`, (t) =>
    t.is(isPossible(...args), expected))
}
