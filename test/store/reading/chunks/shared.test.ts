import test from 'ava'
import { Digest } from '../../../../src/digest.ts'
import { ChunkBytes } from '../../../../src/store/memory/chunk-bytes.ts'
import { BufferPool } from '../../../../src/store/memory/pool.ts'
import { SharedChunks } from '../../../../src/store/reading/chunks/shared.ts'
import type { ChunkSource, FoundChunk } from '../../../../src/store/reading/chunks/source.ts'

const SIZE = 1000

/** A source that answers when it is told to, from memory of a pool. */
function slowSource() {
  const pool = new BufferPool(SIZE, 4)
  const waiting: (() => void)[] = []
  let fetches = 0
  const source = {
    async find(digest: Digest) {
      fetches++
      await new Promise<void>((resolve) => waiting.push(resolve))
      const chunk = pool.take()
      digest.bytes.copy(chunk.bytes)
      return chunk
    },
  } as unknown as ChunkSource
  const answer = () => {
    for (const resolve of waiting.splice(0)) resolve()
  }
  return { source, pool, answer, fetches: () => fetches }
}

const one = Digest.of(Buffer.from('one'))
const two = Digest.of(Buffer.from('two'))
const memoryOf = (found: FoundChunk) => (found as ChunkBytes).bytes.buffer
const release = (found: FoundChunk) => (found as ChunkBytes).release()

test('readers of one chunk at the same time share its fetch, and later ones fetch again', async (t) => {
  const { source, answer, fetches } = slowSource()
  const chunks = new SharedChunks(source, 0)
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

test('memory is used again when the last of its readers has released it', async (t) => {
  const { source, pool, answer } = slowSource()
  const chunks = new SharedChunks(source, 0)
  for (const count of [1, 3, 3]) {
    const readers = Array.from({ length: count }, () => chunks.find(one, one))
    answer()
    const [found] = await Promise.all(readers)
    for (const _ of readers.slice(1)) {
      release(found!)
      t.not(memoryOf(pool.take()), memoryOf(found!))
    }
    release(found!)
    const again = pool.take()
    t.is(memoryOf(again), memoryOf(found!))
    again.release()
  }
})

test('hot chunks are not fetched again, stay what they are, and are bounded in bytes', async (t) => {
  const { source, pool, answer, fetches } = slowSource()
  const chunks = new SharedChunks(source, 2 * SIZE)
  const read = async (digest: Digest) => {
    const reading = chunks.find(digest, digest)
    answer()
    return reading
  }
  const first = await read(one)
  release(first)
  t.not(memoryOf(pool.take()), memoryOf(first))
  t.is(await read(one), first)
  t.is(fetches(), 1)
  await read(two)
  await read(Digest.of(Buffer.from('three')))
  await read(one)
  t.is(fetches(), 4)
})

test('what was lost is not remembered, nor is a failure', async (t) => {
  const answers: (() => FoundChunk)[] = [
    () => 'evicted',
    () => 'corrupt',
    () => {
      throw new Error('out')
    },
    () => new ChunkBytes(Buffer.from('here again')),
  ]
  const source = { find: async () => answers.shift()!() } as unknown as ChunkSource
  const chunks = new SharedChunks(source, SIZE)
  t.is(await chunks.find(one, one), 'evicted')
  t.is(await chunks.find(one, one), 'corrupt')
  await t.throwsAsync(chunks.find(one, one), { message: 'out' })
  t.is(((await chunks.find(one, one)) as ChunkBytes).bytes.toString(), 'here again')
})
