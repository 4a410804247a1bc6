import test from 'ava'
import { FileStore, memcached, memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { watched } from '../../helpers/watchdog.ts'

test('a file larger than memcached is refused, and nothing leads to it', async (t) => {
  const { address } = await startMemcached(t, { memoryMb: 8 })
  const store = new FileStore(memcached(address, { timeoutMs: 10_000, connectTimeoutMs: 10_000 }))
  t.teardown(() => store.close())
  const put = store.put(bytes('large', 40_000_000), { name: 'large' })
  await t.throwsAsync(watched('put', put), { code: 'insufficient-storage' })
  await t.throwsAsync(store.get('large'), { code: 'not-found' })
  t.is(store.memoryUsage.used, 0)

  await store.put('small', { name: 'small' })
  t.is((await (await store.get('small')).bytes()).toString(), 'small')
})

test('a file larger than the memory engine is refused, and nothing leads to it', async (t) => {
  const store = new FileStore(memory({ maxBytes: 2_000_000 }), { chunkSize: 10_000 })
  const put = store.put(bytes('large', 3_000_000), { name: 'large' })
  await t.throwsAsync(put, { code: 'insufficient-storage' })
  await t.throwsAsync(store.get('large'), { code: 'not-found' })
})

test('a chunk size that cannot be stored is refused with the largest that can', async (t) => {
  const { address } = await startMemcached(t)
  const store = new FileStore(memcached(address), { chunkSize: 1_048_452 })
  t.teardown(() => store.close())
  for (const attempt of [() => store.ready(), () => store.put('x'), () => store.maxFileSize()]) {
    await t.throwsAsync(attempt(), { code: 'bad-request', message: /the largest .* 1048451 bytes/ })
  }
  const largest = new FileStore(memcached(address), { chunkSize: 1_048_451 })
  t.teardown(() => largest.close())
  await largest.ready()
  const content = bytes('full', 1_048_451)
  const { hash } = await largest.put(content)
  t.true((await (await largest.get(hash)).bytes()).equals(content))
})

test('the largest file is what a manifest can list, unless it is set lower', async (t) => {
  const { address } = await startMemcached(t)
  for (const [maxFileSize, expected] of [
    [undefined, 32_505 * 524_038],
    [5, 5],
  ]) {
    const options = maxFileSize === undefined ? {} : { maxFileSize }
    const store = new FileStore(memcached(address), options)
    t.is(await store.maxFileSize(), expected!)
    await store.close()
  }
})
