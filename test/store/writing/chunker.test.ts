import test from 'ava'
import fc from 'fast-check'
import { Budgets } from '../../../src/store/memory/budgets.ts'
import type { ChunkBytes } from '../../../src/store/memory/chunk-bytes.ts'
import { BufferPool } from '../../../src/store/memory/pool.ts'
import { validateOptions } from '../../../src/store/options.ts'
import { cut } from '../../../src/store/writing/chunker.ts'
import { bytes } from '../../helpers/bytes.ts'
import { pieces, slowly } from '../../helpers/sources.ts'

const newPool = (chunkSize: number) => new BufferPool(chunkSize, 4)
/** As much as these tests want. */
const newMemory = (chunkSize: number, size = Number.POSITIVE_INFINITY) =>
  new Budgets(validateOptions({ chunkSize })).upload(size)

async function chunksOf(
  parts: Iterable<Uint8Array>,
  chunkSize: number,
  memory = newMemory(chunkSize),
): Promise<Buffer[]> {
  const chunks: Buffer[] = []
  for await (const { chunk } of cut(parts, chunkSize, newPool(chunkSize), memory)) {
    chunks.push(chunk.bytes)
  }
  return chunks
}

test('every chunk but the last has the chunk size, and together they are the content', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 500 }),
      fc.array(fc.nat(70), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 90 }),
      fc.boolean(),
      async (array, sizes, chunkSize, isSizeKnown) => {
        const content = Buffer.from(array)
        const memory = newMemory(chunkSize, isSizeKnown ? content.length : undefined)
        const chunks = await chunksOf(pieces(content, sizes), chunkSize, memory)
        t.deepEqual(Buffer.concat(chunks), content)
        t.is(chunks.length, Math.ceil(content.length / chunkSize))
        for (const chunk of chunks.slice(0, -1)) t.is(chunk.length, chunkSize)
        if (chunks.length > 0) t.true(chunks.at(-1)!.length > 0)
      },
    ),
  )
})

test('no bytes are no chunks', async (t) => {
  t.deepEqual(await chunksOf([], 10), [])
  t.deepEqual(await chunksOf([Buffer.alloc(0), Buffer.alloc(0)], 10), [])
})

test('a piece that is a whole chunk, or a whole small file, is not copied', async (t) => {
  const content = bytes('whole', 25)
  const chunks = await chunksOf([content], 10)
  t.deepEqual(
    chunks.map((chunk) => [chunk.buffer === content.buffer, chunk.length]),
    [
      [true, 10],
      [true, 10],
      [true, 5],
    ],
  )
})

test('pieces that are part of a larger memory are taken for what they are', async (t) => {
  const memory = bytes('memory', 100)
  const part = new Uint8Array(memory.buffer, memory.byteOffset + 20, 30)
  t.deepEqual(Buffer.concat(await chunksOf([part], 7)), memory.subarray(20, 50))
})

test('memory is not filled again before it is released', async (t) => {
  const chunkSize = 10
  const pool = newPool(chunkSize)
  const content = bytes('lent', 1000)
  const lent: { chunk: ChunkBytes; copy: Buffer }[] = []
  let at = 0
  for await (const { chunk } of cut(
    slowly(pieces(content, [3])),
    chunkSize,
    pool,
    newMemory(chunkSize),
  )) {
    t.deepEqual(chunk.bytes, content.subarray(at, at + chunk.length))
    at += chunk.length
    lent.push({ chunk, copy: Buffer.from(chunk.bytes) })
    if (lent.length < 4) continue
    for (const { chunk, copy } of lent) t.deepEqual(chunk.bytes, copy)
    lent.shift()!.chunk.release()
  }
  t.is(at, content.length)
})

test('the source is let go when the chunks are not wanted any more', async (t) => {
  let isClosed = false
  const source = (function* () {
    try {
      for (;;) yield Buffer.alloc(3)
    } finally {
      isClosed = true
    }
  })()
  for await (const _ of cut(source, 10, newPool(10), newMemory(10))) break
  t.true(isClosed)
})

test('a source that yields more than it is said to is not read on', async (t) => {
  const content = bytes('more', 100)
  for (const said of [0, 1, 10, 25, 99]) {
    for (const size of [1, 3, 10, 11, 100]) {
      const chunks = chunksOf(pieces(content, [size]), 10, newMemory(10, said))
      await t.throwsAsync(chunks, { message: /more bytes than was said/ }, `${said}, ${size}`)
    }
  }
})
