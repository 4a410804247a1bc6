import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { type Engine, FileStore, memory } from '../../../src/index.ts'
import { HashThread } from '../../../src/store/hashing/hash-thread.ts'
import { ChunkBytes } from '../../../src/store/memory/chunk-bytes.ts'
import { BufferPool } from '../../../src/store/memory/pool.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'

const CHUNK = 262_144
const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex')

async function startThread(t: ExecutionContext): Promise<HashThread> {
  const thread = new HashThread()
  t.teardown(() => thread.close())
  for (const end = Date.now() + 10_000; thread.state !== 'ready' && Date.now() < end; )
    await sleep(5)
  return thread
}

/** A store whose uploads are hashed on a thread, once there is one. */
async function startStore(t: ExecutionContext, engine: Engine = memory()): Promise<FileStore> {
  const store = new FileStore(engine, { chunkSize: CHUNK, hashThreads: 1 })
  t.teardown(() => store.close())
  await store.put(bytes('first', 2 * CHUNK))
  await sleep(500)
  return store
}

test('files that are hashed at the same time do not mix, and their chunks come back', async (t) => {
  const thread = await startThread(t)
  const pool = new BufferPool(1000, 4)
  const files = ['a', 'b', 'c'].map((seed) => ({
    digest: thread.file(pool),
    content: bytes(seed, 5000),
  }))
  const alone = {
    digest: { add: (chunk: ChunkBytes) => thread.hash(chunk, pool) },
    content: bytes('no file', 5000),
  }
  for (let at = 0; at < 5000; at += 1000) {
    for (const file of [...files, alone]) {
      const piece = file.content.subarray(at, at + 1000)
      const chunk = pool.take()
      piece.copy(chunk.bytes)
      const hashing = file.digest.add(chunk)
      t.is(chunk.length, 0, 'its memory is elsewhere')
      const hashed = await hashing
      t.is(hashed.digest.hex, sha256(piece))
      t.is(hashed.chunk, chunk)
      t.deepEqual(chunk.bytes, piece)
      chunk.release()
    }
  }
  for (const { digest, content } of files) t.is((await digest.end())?.hex, sha256(content))
  t.is(thread.load, 0)
})

test('memory that is not of the pool stays where it is', async (t) => {
  const thread = await startThread(t)
  const pool = new BufferPool(1000, 4)
  for (const length of [0, 10, 500, 1000, 5000]) {
    const chunk = new ChunkBytes(bytes('x', length))
    const hashed = await thread.hash(chunk, pool)
    t.deepEqual(chunk.bytes, bytes('x', length))
    t.deepEqual(hashed.chunk.bytes, chunk.bytes)
    t.not(hashed.chunk.bytes.buffer, chunk.bytes.buffer)
    hashed.chunk.release()
    t.is(pool.take().bytes.buffer.byteLength, 1000)
  }
})

test('a thread answers before it ends, and what it is asked later fails', async (t) => {
  const thread = await startThread(t)
  const pending = thread.hash(new ChunkBytes(Buffer.alloc(1000)), new BufferPool(1000, 4))
  await thread.close()
  t.is((await pending).chunk.length, 1000, 'it is closed when it has answered')
  const late = thread.hash(new ChunkBytes(Buffer.alloc(1000)), new BufferPool(1000, 4))
  await t.throwsAsync(late, { code: 'unavailable' })
  const end = async () => thread.file(new BufferPool(1000, 4)).end()
  await t.throwsAsync(end, { code: 'unavailable' })
  t.is(thread.state, 'ended')
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
    t.true((await (await store.get({ name: `file ${index}` })).bytes()).equals(content))
    t.is((await store.verify({ name: `file ${index}` })).state, 'intact')
  })
  await Promise.all(uploads)
})

test('the memory of a caller stays with the caller', async (t) => {
  const store = await startStore(t)
  const chunks = ['a', 'b', 'c'].map((seed) => bytes(seed, CHUNK))
  const receipt = await store.put(chunks)
  t.is(receipt.hash, sha256(Buffer.concat(chunks)))
  for (const [index, seed] of ['a', 'b', 'c'].entries()) {
    t.true(chunks[index]!.equals(bytes(seed, CHUNK)))
  }
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

test('an engine gets the bytes back from a proof, though a thread has taken the memory', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = await startStore(t, engine)
  const content = bytes('content', CHUNK)
  const { hash } = await store.put(content)
  let taken = 0
  engine.get = (key, prove, options) =>
    engine.inner.get(key, async (value) => {
      if (!key.startsWith('c:')) return prove(value)
      const memory = options!.allocate!(value.length)
      value.copy(memory)
      const proven = await prove(memory)
      if (memory.length === 0) taken++
      t.true(content.equals(options!.bytesOf!(proven!)))
      return proven
    })
  for (const work of [async () => (await store.find(hash)).bytes(), () => store.repair(hash)]) {
    const before = taken
    // With a pause, or the thread never gets ready: the work of a memory engine awaits no event.
    for (const end = Date.now() + 10_000; taken === before && Date.now() < end; await sleep(5)) {
      await work()
    }
    t.true(taken > before)
  }
})

test('a store of smaller chunks reads, verifies and leaves alone what one of larger chunks stored', async (t) => {
  const engine = memory()
  const large = new FileStore(engine, { chunkSize: 4 * CHUNK })
  const content = bytes('larger', 9 * CHUNK)
  await large.put(content, { name: 'a' })
  const small = new FileStore(engine, { chunkSize: CHUNK, hashThreads: 1 })
  t.teardown(() => small.close())
  for (let i = 0; i < 20; i++) {
    t.true((await (await small.get('a')).bytes()).equals(content))
    await sleep(20) // A thread gets ready meanwhile.
  }
  t.is((await small.verify('a')).state, 'intact')
  t.is((await small.repair('a')).state, 'intact')
  t.is((await large.verify('a')).state, 'intact')
})

test('a store that is closed while it hashes ends what is under way, and starts no thread', async (t) => {
  const store = await startStore(t)
  const late = async function* () {
    await sleep(100)
    yield bytes('late', 3 * CHUNK)
  }
  const puts = [store.put(bytes('now', 9 * CHUNK)), store.put(late())]
  await store.close()
  for (const put of await Promise.allSettled(puts)) {
    if (put.status === 'rejected') t.is(put.reason.code, 'unavailable')
  }
})

test('a process that does not close its store ends by itself', async (t) => {
  const library = new URL('../../../src/index.ts', import.meta.url).href
  for (const wait of [0, 500]) {
    const code = `import { FileStore, memory } from '${library}'
      const store = new FileStore(memory(), { hashThreads: 2 })
      await store.put(Buffer.alloc(3_000_000))
      await new Promise((resolve) => setTimeout(resolve, ${wait}))
      await store.put(Buffer.alloc(3_000_000, 1))`
    const args = ['--import=tsx', '--input-type=module', '-e', code]
    await t.notThrowsAsync(promisify(execFile)(process.execPath, args, { timeout: 20_000 }))
  }
})

test('the fewest copies count, whichever chunk has them', async (t) => {
  const engine = memory()
  let writes = 0
  const set = engine.set.bind(engine)
  engine.set = async (key, value, options) => {
    const isFirst = writes++ === 0
    await set(key, value, options)
    await sleep(isFirst ? 100 : 1)
    return isFirst ? 2 : 1
  }
  engine.add = async (...args) => (await set(...args)) + 2
  const store = new FileStore(engine, { chunkSize: 1000 })
  t.is((await store.put(bytes('x', 4000))).copies, 1)
})
