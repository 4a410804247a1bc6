import test, { type ExecutionContext } from 'ava'
import { FileStore, memcached } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { startMemcached } from '../../helpers/memcached.ts'

const SIZE = 100_000

async function startStore(t: ExecutionContext, hotCache = 0): Promise<FileStore> {
  const { address } = await startMemcached(t)
  const store = new FileStore(memcached(address), { chunkSize: SIZE, hotCache })
  t.teardown(() => store.close())
  return store
}

/** Reads and writes that use whatever memory is free for other bytes. */
async function work(store: FileStore): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await store.put([bytes(`${i}`, SIZE / 2), bytes(`${i}`, SIZE / 2)], { name: 'other' })
    await (await store.get('other')).bytes()
  }
}

test('bytes that were read stay what they are when they are stored again', async (t) => {
  const store = await startStore(t)
  const content = bytes('content', SIZE)
  await store.put(content, { name: 'original' })
  const read = await (await store.get('original')).bytes()
  await store.put(read, { name: 'copy' })
  await work(store)
  t.true(read.equals(content))
})

test('a file that is copied from its own stream stays right for other readers', async (t) => {
  const store = await startStore(t, 10 * SIZE)
  const content = bytes('content', 3 * SIZE)
  await store.put(content, { name: 'original' })
  await store.put((await store.get('original')).stream(), { name: 'copy' })
  await work(store)
  for (const name of ['original', 'copy']) {
    t.true((await (await store.get(name)).bytes()).equals(content), name)
  }
})

test('all the bytes at once come in memory of their own, and what they were received in serves again', async (t) => {
  const { address } = await startMemcached(t)
  const engine = new FaultyEngine(memcached(address))
  const store = new FileStore(engine, { chunkSize: SIZE })
  t.teardown(() => store.close())
  const used = new Set<ArrayBufferLike>()
  const { get } = engine
  engine.get = (key, prove, options = {}) => {
    const { allocate } = options
    if (allocate === undefined) return get(key, prove, options)
    const noting = (size: number) => {
      const memory = allocate(size)
      used.add(memory.buffer)
      return memory
    }
    return get(key, prove, { ...options, allocate: noting })
  }
  const all: Buffer[] = []
  for (const [name, size] of [
    ['small', 4000],
    ['large', SIZE],
  ] as const) {
    await store.put(bytes(name, size), { name })
    for (let i = 0; i < 100; i++) all.push(await (await store.get(name)).bytes())
    t.true(all.every((each) => !used.has(each.buffer)))
  }
  t.true(all.every((each, i) => each.equals(all[i - (i % 100)]!)))
  t.true(used.size <= 4, `${used.size} pieces of memory for one reader`)
})
