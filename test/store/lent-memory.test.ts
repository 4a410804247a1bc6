import test, { type ExecutionContext } from 'ava'
import { FileStore, memcached } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { startMemcached } from '../helpers/memcached.ts'

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
