import test, { type ExecutionContext } from 'ava'
import {
  FileStore,
  type FileStoreOptions,
  memcached,
  memory,
  type PrepareOptions,
} from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { startMemcached } from '../../helpers/memcached.ts'

const content = bytes('handed out', 2500)

async function storedFile(options = {}) {
  const store = new FileStore(memory(), { chunkSize: 1000, ...options })
  const { hash } = await store.put(content)
  return { store, hash, file: await store.get(hash) }
}

async function collect(parts: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const part of parts) all.push(part)
  return Buffer.concat(all)
}

test('a read prepared for streaming can be streamed more than once, whole each time', async (t) => {
  const { file } = await storedFile()
  const whole = { start: 0, end: content.length }
  const read = await file.prepare([whole], { verify: 'stream' })
  t.deepEqual(await collect(read.stream(whole)), content)
  t.deepEqual(await collect(read.stream(whole)), content)
  read.close()
})

test('bytes are the caller’s own: changing them changes nothing for others', async (t) => {
  const { store } = await storedFile({ hotCache: 100_000 })
  const small = await store.put(bytes('small', 900))
  const file = await store.get(small.hash)
  ;(await file.bytes()).fill(0)
  t.deepEqual(await (await store.get(small.hash)).bytes(), bytes('small', 900))
})

test('what was held cannot be read any more once it is closed', async (t) => {
  const { store, file } = await storedFile()
  const whole = { start: 0, end: content.length }
  const read = await file.prepare([whole])
  read.close()
  read.close()
  t.is(store.memoryUsage.used, 0)
  t.throws(() => read.held(whole), { message: /after it was closed/ })
  await t.throwsAsync(collect(read.stream(whole)), { message: /after it was closed/ })
  const send = read.send(whole, async () => {})
  await t.throwsAsync(send, { message: /after it was closed/ })
})

test('of a read larger than its memory, only what there is no room for is read twice', async (t) => {
  const engine = memory()
  const store = new FileStore(engine, { chunkSize: 1000, memory: { total: 24_000, perRead: 3500 } })
  const many = bytes('many', 10_000)
  const { hash } = await store.put(many)
  const whole = { start: 0, end: many.length }
  let reads = 0
  engine.observe({ operation: (_server, operation) => void (operation === 'get' && reads++) })
  const read = await (await store.find(hash)).prepare([whole])
  t.is(reads, 1 + 10)
  t.is(store.memoryUsage.used, 3500)
  t.deepEqual(await collect(read.stream(whole)), many)
  t.is(reads, 1 + 10 + 7)
  t.is(store.memoryUsage.used, 0, 'room is given back as it is sent')
  t.deepEqual(await collect(read.stream(whole)), many, 'what was sent is read again')
  read.close()

  const abandoned = await (await store.find(hash)).prepare([whole])
  t.is(store.memoryUsage.used, 3500)
  abandoned.close()
  t.is(store.memoryUsage.used, 0)
})

const CHUNK = 100_000
const large = bytes('large', 5 * CHUNK)
const range = { start: 10, end: large.length - 10 }
const expected = large.subarray(range.start, range.end)

/** Each way to prepare a read, and a store that receives values in memory of its own. */
const ways: [string, FileStoreOptions, PrepareOptions][] = [
  ['held', {}, {}],
  ['read twice', { memory: { perRead: CHUNK } }, {}],
  ['streamed', {}, { verify: 'stream' }],
]
for (const [way, storeOptions, prepareOptions] of ways) {
  const prepared = async (t: ExecutionContext) => {
    const { address } = await startMemcached(t)
    const store = new FileStore(memcached(address), { chunkSize: CHUNK, ...storeOptions })
    t.teardown(() => store.close())
    await store.put(large, { name: 'a' })
    await store.put(bytes('other', 5 * CHUNK), { name: 'other' })
    const read = await (await store.get('a')).prepare([range], prepareOptions)
    /** Fills whatever memory is free with other bytes. */
    const fill = async () => {
      for (let i = 0; i < 3; i++) (await (await store.get('other')).prepare()).close()
    }
    return { store, read, fill }
  }

  test(`${way}: send hands over one verified piece at a time, right until its write resolves`, async (t) => {
    const { store, read, fill } = await prepared(t)
    const sent: Buffer[] = []
    let isWriting = false
    await read.send(range, async (piece) => {
      t.false(isWriting)
      isWriting = true
      const copy = Buffer.from(piece)
      await fill()
      t.true(piece.equals(copy))
      sent.push(copy)
      isWriting = false
    })
    t.true(Buffer.concat(sent).equals(expected))
    read.close()
    t.is(store.memoryUsage.used, 0)
  })

  test(`${way}: a write that rejects ends send, and its piece is left alone`, async (t) => {
    const { store, read, fill } = await prepared(t)
    let failed: Buffer | undefined
    const write = async (piece: Buffer) => {
      if (failed !== undefined) t.fail('a piece after the one that failed')
      failed = piece
      throw new Error('no')
    }
    await t.throwsAsync(read.send(range, write), { message: 'no' })
    read.close()
    await fill()
    t.true(failed!.equals(expected.subarray(0, failed!.length)))
    t.is(store.memoryUsage.used, 0)
  })

  test(`${way}: what was streamed stays what it is after close`, async (t) => {
    const { store, read, fill } = await prepared(t)
    const pieces: Buffer[] = []
    for await (const piece of read.stream(range)) pieces.push(piece)
    read.close()
    await fill()
    t.true(Buffer.concat(pieces).equals(expected))
    t.is(store.memoryUsage.used, 0)
  })
}

test('the memory of a piece is used again from when its write has resolved', async (t) => {
  const { address } = await startMemcached(t)
  const options = { chunkSize: CHUNK, memory: { total: 6 * CHUNK, perRead: CHUNK } }
  const store = new FileStore(memcached(address), options)
  t.teardown(() => store.close())
  await store.put(bytes('long', 50 * CHUNK), { name: 'a' })
  const file = await store.get('a')
  const whole = { start: 0, end: file.size }
  const read = await file.prepare([whole])
  const memories = new Set<ArrayBufferLike>()
  await read.send(whole, async ({ buffer }) => void memories.add(buffer))
  read.close()
  t.true(memories.size <= 6, `${memories.size} pieces of memory`)
})
