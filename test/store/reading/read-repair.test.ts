import test from 'ava'
import { DEFAULT_CHUNK_SIZE, Digest, FileStore } from '../../../src/index.ts'
import { startFleet } from '../../engine/fleet/harness.ts'
import { bytes } from '../../helpers/bytes.ts'
import { until } from '../../helpers/watchdog.ts'

test('a read writes a lost copy again with the bytes of the chunk, also when a thread hashed it', async (t) => {
  const { servers, engine } = await startFleet(t, 2, { replicas: 2 })
  const store = new FileStore(engine, { hashThreads: 1 })
  t.teardown(() => store.close())
  const content = bytes('read-repair', 2 * DEFAULT_CHUNK_SIZE)
  const { hash } = await store.put(content)
  const first = content.subarray(0, DEFAULT_CHUNK_SIZE)
  const key = `c:${Digest.of(first).hex}`
  const { raw } = servers[0]!
  const repaired = async () => {
    await raw.delete(key)
    // Only a read that asks this server first notices, so it is read until one has.
    await until('the copy to be written again', async () => {
      t.true((await (await store.find({ hash })).bytes()).equals(content))
      return (await raw.get(key)) !== undefined
    })
    return (await raw.get(key))!
  }
  // The first chunks are hashed in place, until the thread has started.
  for (let times = 0; times < 8; times++) t.true((await repaired()).equals(first))
})
