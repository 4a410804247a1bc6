import test from 'ava'
import { Digest } from '../../src/digest.ts'
import { BufferPool } from '../../src/store/buffer-pool.ts'
import type { ChunkSource, Found } from '../../src/store/chunk-source.ts'
import { SharedChunks } from '../../src/store/shared-chunks.ts'

const SIZE = 1000

/** A source that answers when it is told to, from memory that it was lent. */
function slowSource() {
  const waiting: (() => void)[] = []
  let fetches = 0
  const source = {
    async find(digest: Digest, _near: Digest, options?: { allocate?: (size: number) => Buffer }) {
      fetches++
      await new Promise<void>((resolve) => waiting.push(resolve))
      const chunk = options!.allocate!(SIZE)
      digest.bytes.copy(chunk)
      return chunk
    },
  } as unknown as ChunkSource
  const answer = () => {
    for (const resolve of waiting.splice(0)) resolve()
  }
  return { source, answer, fetches: () => fetches }
}

const one = Digest.of(Buffer.from('one'))
const two = Digest.of(Buffer.from('two'))
const bufferOf = (found: Found) => (found as Buffer).buffer

test('readers of one chunk at the same time share its fetch, and later ones fetch again', async (t) => {
  const { source, answer, fetches } = slowSource()
  const chunks = new SharedChunks(source, new BufferPool(SIZE, 4), 0)
  const readers = [chunks.find(one, one), chunks.find(one, one), chunks.find(two, two)]
  answer()
  const [a, b, c] = await Promise.all(readers)
  t.is(a, b)
  t.not(a, c)
  t.is(fetches(), 2)
  const later = chunks.find(one, one)
  answer()
  await later
  t.is(fetches(), 3)
})

test('memory that one reader is done with is used again', async (t) => {
  const { source, answer } = slowSource()
  const pool = new BufferPool(SIZE, 4)
  const chunks = new SharedChunks(source, pool, 0)
  const reading = chunks.find(one, one)
  answer()
  const found = await reading
  chunks.recycle(found as Buffer)
  t.is(pool.take().buffer, bufferOf(found))
})

test('memory that several readers share is used again when the last of them is done with it', async (t) => {
  const { source, answer } = slowSource()
  const pool = new BufferPool(SIZE, 4)
  const chunks = new SharedChunks(source, pool, 0)
  for (let round = 0; round < 2; round++) {
    const readers = [chunks.find(one, one), chunks.find(one, one), chunks.find(one, one)]
    answer()
    const [found] = await Promise.all(readers)
    for (const _ of readers.slice(1)) {
      chunks.recycle(found as Buffer)
      t.not(pool.take().buffer, bufferOf(found!))
    }
    chunks.recycle((found as Buffer).subarray(1, 3))
    const again = pool.take()
    t.is(again.buffer, bufferOf(found!))
    pool.giveBack(again)
  }
})

test('hot chunks are not fetched again, stay what they are, and are bounded in bytes', async (t) => {
  const { source, answer, fetches } = slowSource()
  const pool = new BufferPool(SIZE, 4)
  const chunks = new SharedChunks(source, pool, 2 * SIZE)
  const read = async (digest: Digest) => {
    const reading = chunks.find(digest, digest)
    answer()
    return reading
  }
  const first = await read(one)
  chunks.recycle(first as Buffer)
  t.not(pool.take().buffer, bufferOf(first))
  t.is(await read(one), first)
  t.is(fetches(), 1)
  await read(two)
  await read(Digest.of(Buffer.from('three')))
  await read(one)
  t.is(fetches(), 4)
})

test('what was lost is not remembered, nor is a failure', async (t) => {
  const answers: (() => Found)[] = [
    () => 'evicted',
    () => 'corrupt',
    () => {
      throw new Error('out')
    },
    () => Buffer.from('here again'),
  ]
  const source = { find: async () => answers.shift()!() } as unknown as ChunkSource
  const chunks = new SharedChunks(source, new BufferPool(SIZE, 4), SIZE)
  t.is(await chunks.find(one, one), 'evicted')
  t.is(await chunks.find(one, one), 'corrupt')
  await t.throwsAsync(chunks.find(one, one), { message: 'out' })
  t.deepEqual(await chunks.find(one, one), Buffer.from('here again'))
})
