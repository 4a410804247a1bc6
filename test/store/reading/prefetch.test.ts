import test from 'ava'
import { FileStore, memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { deferred } from '../../helpers/deferred.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'

const content = bytes('prefetch', 900)

async function newStore() {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine, { chunkSize: 1000 })
  const { hash } = await store.put(content)
  return { engine, store, hash }
}

/** Keeps the keys that were asked for. */
function recordGets(engine: FaultyEngine): string[] {
  const keys: string[] = []
  engine.get = (key, prove, options) => {
    keys.push(key)
    return engine.inner.get(key, prove, options)
  }
  return keys
}

test('a small file is fetched along with its link, once', async (t) => {
  const { engine, store, hash } = await newStore()
  const keys = recordGets(engine)
  const file = await store.find(hash, { prefetch: true })
  t.deepEqual(await file.bytes(), content)
  t.deepEqual(keys.sort(), [`c:${hash}`, `h:${hash}`])
  t.is(store.memoryUsage.used, 0)
})

test('a file that is stored between the two looks is found', async (t) => {
  const { engine, store, hash } = await newStore()
  let looks = 0
  engine.get = async (key, prove, options) => {
    if (key.startsWith('c:') && ++looks === 1) return undefined
    return engine.inner.get(key, prove, options)
  }
  t.deepEqual(await (await store.find(hash, { prefetch: true })).bytes(), content)
})

test('a chunk that is gone is evicted, one that is wrong is corrupt', async (t) => {
  const { engine, store, hash } = await newStore()
  await engine.set(`c:${hash}`, bytes('other', 900))
  const damaged = await store.find(hash, { prefetch: true })
  await t.throwsAsync(damaged.bytes(), { code: 'corrupt' })
  const gone = await store.find(hash, { prefetch: true })
  await t.throwsAsync(gone.bytes(), { code: 'evicted' })
})

test('what nobody reads in the end does no harm', async (t) => {
  const { engine, store, hash } = await newStore()
  const chunk = deferred<never>()
  engine.get = (key, prove, options) =>
    key.startsWith('c:') ? chunk.promise : engine.inner.get(key, prove, options)
  await store.find(hash, { prefetch: true })
  await t.throwsAsync(store.find('0'.repeat(64), { prefetch: true }), { code: 'not-found' })
  t.is(store.memoryUsage.used, 2000)
  chunk.reject(new Error('late'))
  await t.throwsAsync(chunk.promise)
  t.is(store.memoryUsage.used, 0)
})

test('invariant 7: nothing is fetched ahead when there is no memory left for it', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine, { chunkSize: 1000, memory: { total: 6000, perRead: 2000 } })
  const { hash } = await store.put(content)
  const large = await store.put(bytes('large', 2000))
  const held = await (await store.find(large.hash)).prepare()
  const keys = recordGets(engine)
  const file = await store.find(hash, { prefetch: true })
  t.deepEqual(keys, [`h:${hash}`])
  held.close()
  t.deepEqual(await file.bytes(), content)
})
