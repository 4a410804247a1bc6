import test, { type ExecutionContext } from 'ava'
import { FileStore, memcached } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { startMemcached } from '../../helpers/memcached.ts'

const SIZE = 4000
const content = bytes('content', SIZE)
const whole = { start: 0, end: SIZE }

/** Values are received in memory of the store's own from memcached only. */
async function startStore(t: ExecutionContext): Promise<FileStore> {
  const { address } = await startMemcached(t)
  const store = new FileStore(memcached(address), { chunkSize: SIZE })
  t.teardown(() => store.close())
  await store.put(content, { name: 'a' })
  for (let i = 0; i < 4; i++) await store.put(bytes(i, SIZE), { name: `other ${i}` })
  await (await store.find('a')).bytes() // What the name leads to is known from now on.
  return store
}

/** Fills all the memory that is free with other bytes, and keeps it. */
async function reuseMemory(store: FileStore) {
  const names = Array.from({ length: 4 }, (_, i) => `other ${i}`)
  const reads = await Promise.all(names.map(async (name) => (await store.find(name)).prepare()))
  return reads.map((read) => read.held(whole)![0]!)
}

test('the memory of a chunk that was fetched ahead is used again when the read is closed', async (t) => {
  const store = await startStore(t)
  for (const ref of ['a', { hash: (await store.find('a')).hash }]) {
    const file = await store.find(ref, { prefetch: true })
    const read = await file.prepare()
    const { buffer } = read.held(whole)![0]!
    read.close()
    const others = await reuseMemory(store)
    t.true(others.some((other) => other.buffer === buffer))
  }
})

test('a file that is prepared again after it was closed has its own bytes, not what its memory holds now', async (t) => {
  const store = await startStore(t)
  const { hash } = await store.find('a')
  for (const ref of ['a', { hash }]) {
    const file = await store.find(ref, { prefetch: true })
    for (let i = 0; i < 3; i++) {
      const read = await file.prepare()
      t.true(read.held(whole)![0]!.equals(content), `time ${i}`)
      read.close()
      await reuseMemory(store)
    }
    t.true((await file.bytes()).equals(content))
    t.is((await file.verify()).state, 'intact')
  }
})

test('of several reads of a file at the same time, none takes the memory of another', async (t) => {
  const store = await startStore(t)
  const { hash } = await store.find('a')
  for (const ref of ['a', { hash }]) {
    const finding = Array.from({ length: 3 }, () => store.find(ref, { prefetch: true }))
    const files = await Promise.all(finding)
    const reads = await Promise.all([...files, files[0]!].map((file) => file.prepare()))
    for (const read of reads) {
      t.true(read.held(whole)![0]!.equals(content))
      read.close()
      await reuseMemory(store)
    }
  }
  t.is(store.memoryUsage.used, 2 * 4 * 4 * SIZE, 'what `reuseMemory` keeps')
})
