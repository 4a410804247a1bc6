import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { FileStore, memory } from '../../src/index.ts'
import { BufferPool } from '../../src/store/buffer-pool.ts'
import { HashThread } from '../../src/store/hashing/hash-thread.ts'
import { bytes } from '../helpers/bytes.ts'

const CHUNK = 131_072
const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex')

async function startThread(t: ExecutionContext): Promise<HashThread> {
  const thread = new HashThread()
  t.teardown(() => thread.close())
  for (const end = Date.now() + 10_000; !thread.isReady && Date.now() < end; ) await sleep(5)
  return thread
}

/** A store whose uploads are hashed on a thread, once there is one. */
async function startStore(t: ExecutionContext): Promise<FileStore> {
  const store = new FileStore(memory(), { chunkSize: CHUNK, hashThreads: 1 })
  t.teardown(() => store.close())
  await store.put(bytes('first', 2 * CHUNK))
  await sleep(500)
  return store
}

test('files that are hashed at the same time do not mix, and their chunks come back', async (t) => {
  const thread = await startThread(t)
  const pool = new BufferPool(1000, 4)
  const files = ['a', 'b', 'c'].map((seed) => ({ id: thread.open(), content: bytes(seed, 5000) }))
  for (let at = 0; at < 5000; at += 1000) {
    for (const file of [...files, { id: undefined, content: bytes('no file', 5000) }]) {
      const piece = file.content.subarray(at, at + 1000)
      const chunk = pool.take()
      piece.copy(chunk)
      const hashing = thread.hash(chunk, pool, file.id)
      t.is(chunk.length, 0, 'its memory is elsewhere')
      const hashed = await hashing
      t.is(hashed.digest.hex, sha256(piece))
      t.deepEqual(hashed.chunk, piece)
      pool.giveBack(hashed.chunk)
    }
  }
  for (const { id, content } of files) t.is((await thread.end(id)).hex, sha256(content))
  t.is(thread.load, 0)
})

test('memory that is not of the pool stays where it is', async (t) => {
  const thread = await startThread(t)
  const chunk = bytes('x', 500)
  const hashed = await thread.hash(chunk, new BufferPool(1000, 4))
  t.deepEqual(chunk, bytes('x', 500))
  t.deepEqual(hashed.chunk, chunk)
  t.not(hashed.chunk.buffer, chunk.buffer)
})

test('what a thread that ends has not answered fails, and so does what it is asked later', async (t) => {
  const thread = await startThread(t)
  const pending = thread.hash(Buffer.alloc(1000), new BufferPool(1000, 4))
  await thread.close()
  await t.throwsAsync(pending)
  await t.throwsAsync(thread.end(1))
  t.false(thread.isReady)
})

test('many uploads at once have the digests that they should have', async (t) => {
  const store = await startStore(t)
  const sizes = [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 7 * CHUNK + 5]
  const uploads = [...sizes, ...sizes].map(async (size, index) => {
    const content = bytes(index, size)
    const pieces = function* () {
      for (let at = 0; at < size; at += 50_000) yield content.subarray(at, at + 50_000)
    }
    const receipt = await store.put(index % 2 ? pieces() : content, { name: `file ${index}` })
    t.is(receipt.hash, sha256(content))
    t.deepEqual(await (await store.get({ name: `file ${index}` })).bytes(), content)
    t.is((await store.verify({ name: `file ${index}` })).state, 'intact')
  })
  await Promise.all(uploads)
})

test('the memory of a caller stays with the caller', async (t) => {
  const store = await startStore(t)
  const chunks = ['a', 'b', 'c'].map((seed) => bytes(seed, CHUNK))
  const receipt = await store.put(chunks)
  t.is(receipt.hash, sha256(Buffer.concat(chunks)))
  t.deepEqual(
    chunks,
    ['a', 'b', 'c'].map((seed) => bytes(seed, CHUNK)),
  )
})

test('an upload that is broken off leaves the next ones alone', async (t) => {
  const store = await startStore(t)
  const broken = async function* () {
    yield bytes('x', 3 * CHUNK)
    throw new Error('broken off')
  }
  for (let i = 0; i < 3; i++) {
    await t.throwsAsync(store.put(broken()), { message: 'broken off' })
    const content = bytes(i, 3 * CHUNK + 1)
    t.is((await store.put([content])).hash, sha256(content))
  }
  t.is(store.memoryUsage.used, 0)
})
