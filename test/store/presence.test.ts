import test from 'ava'
import pMap from 'p-map'
import { FileStore, memcached } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { startMemcached } from '../helpers/memcached.ts'

test('however many large files are looked for at once, they are not too many for memcached’s line', async (t) => {
  const { address } = await startMemcached(t)
  // All 40 files have 300 chunks: without a bound for all of them, 10,000 requests would wait.
  const engine = memcached(address, { maxQueuedRequests: 400 })
  const store = new FileStore(engine, { chunkSize: 100 })
  t.teardown(() => store.close())
  const numbers = Array.from({ length: 40 }, (_, index) => index)
  const put = async (index: number) => (await store.put(bytes(index, 30_000))).hash
  const hashes = await pMap(numbers, put, { concurrency: 2 })
  t.deepEqual(await store.missing(hashes), [])
  const probes = hashes.map(async (hash) => (await store.find({ hash })).probe())
  await Promise.all(probes)
  t.true((await Promise.all(hashes.map((hash) => store.isReadable({ hash })))).every(Boolean))
})
