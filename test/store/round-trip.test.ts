import fc from 'fast-check'
import { DEFAULT_CHUNK_SIZE, Digest } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { onEveryEngine } from '../helpers/engines.ts'
import { pieces, slowly } from '../helpers/sources.ts'

const CHUNK = DEFAULT_CHUNK_SIZE
const SIZES = [0, 1, 4096, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 5 * CHUNK + 17]

onEveryEngine(
  'every size around the borders of chunks, by name and by hash',
  async (t, backend) => {
    const store = backend.store({ chunkSize: CHUNK })
    for (const size of SIZES) {
      const content = bytes(size, size)
      const hash = Digest.of(content).hex
      const name = `${size} bytes`
      const receipt = await store.put(content, { name, type: 'text/x' })
      const chunks = Math.ceil(size / CHUNK)
      t.deepEqual(receipt, { hash, size, chunks, name, type: 'text/x', created: true, copies: 1 })
      for (const ref of [name, hash]) {
        const file = await store.get(ref)
        t.is(file.hash, hash)
        t.is(file.size, size)
        t.true((await file.bytes()).equals(content), `${size} bytes by ${ref}`)
        t.is((await store.verify(ref)).state, 'intact')
      }
    }
    t.is(store.memoryUsage.used, 0)
  },
)

onEveryEngine('arbitrary bytes, pieces, chunk sizes and ranges', async (t, backend) => {
  const arbitrary = fc.record({
    content: fc.uint8Array({ maxLength: 3000 }),
    sizes: fc.array(fc.nat(700), { minLength: 1, maxLength: 6 }),
    chunkSize: fc.integer({ min: 1, max: 1500 }),
    ends: fc.tuple(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    ),
    perRead: fc.constantFrom(0, 1000, 6000),
  })
  await fc.assert(
    fc.asyncProperty(arbitrary, async ({ content: array, sizes, chunkSize, ends, perRead }) => {
      const content = Buffer.from(array)
      const store = backend.store({ chunkSize, memory: { total: 12_000, perRead } })
      const { hash } = await store.put(slowly(pieces(content, sizes)), { name: 'a' })
      const file = await store.get(hash)
      t.deepEqual(await file.bytes(), content)

      const [start, end] = ends.map((at) => Math.round(at * content.length)).sort((a, b) => a - b)
      const range = { start: start!, end: end! }
      const expected = content.subarray(start, end)
      t.deepEqual(await file.bytes(range), expected)
      for (const verify of ['full', 'stream'] as const) {
        const read = await file.prepare([range], { verify })
        const parts: Buffer[] = []
        for await (const part of read.stream(range)) parts.push(part)
        read.close()
        t.deepEqual(Buffer.concat(parts), expected)
      }
      t.deepEqual(store.memoryUsage, { used: 0, total: 12_000, waiting: 0 })
    }),
    { numRuns: 60 },
  )
})

onEveryEngine('100 MB, in pieces of odd sizes, within the window of memory', async (t, backend) => {
  const store = backend.store({ chunkSize: CHUNK })
  const content = bytes('100 MB', 100_000_000)
  let most = 0
  const progress: number[] = []
  const receipt = await store.put(pieces(content, [65_536, 1, 524_038, 1_000_003]), {
    name: 'large',
    onProgress: ({ bytes: stored }) => {
      progress.push(stored)
      most = Math.max(most, store.memoryUsage.used)
    },
  })
  t.is(receipt.hash, Digest.of(content).hex)
  t.is(progress.at(-1), content.length)
  t.true(progress.every((stored, index) => index === 0 || stored > progress[index - 1]!))

  let at = 0
  for await (const part of (await store.get('large')).stream()) {
    t.true(part.equals(content.subarray(at, at + part.length)), `wrong bytes at ${at}`)
    at += part.length
    most = Math.max(most, store.memoryUsage.used)
  }
  t.is(at, content.length)
  t.true(most <= 5 * CHUNK, `${most} bytes held`)
  t.is(store.memoryUsage.used, 0)
})
