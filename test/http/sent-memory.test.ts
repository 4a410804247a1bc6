import test from 'ava'
import { memcached } from '../../src/index.ts'
import { WAYS, ways } from '../helpers/both-ways.ts'
import { bytes } from '../helpers/bytes.ts'
import { FaultyEngine } from '../helpers/faulty-engine.ts'
import { ask } from '../helpers/http.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { startTestServer } from '../helpers/server.ts'

const SIZE = 4000

for (const way of ways) {
  test(`the memory of a file that was sent is used for the next one, which is right (${way})`, async (t) => {
    const { address } = await startMemcached(t)
    const engine = new FaultyEngine(memcached(address))
    const { url, store } = await startTestServer(t, { engine, store: { chunkSize: SIZE } })
    const names = Array.from({ length: 20 }, (_, i) => `${i}`)
    for (const name of names) await store.put(bytes(name, SIZE), { name })
    const used: ArrayBufferLike[] = []
    engine.get = (key, prove, options = {}) => {
      const { allocate } = options
      if (allocate === undefined) return engine.inner.get(key, prove, options)
      const noted = (size: number) => {
        const memory = allocate(size)
        used.push(memory.buffer)
        return memory
      }
      return engine.inner.get(key, prove, { ...options, allocate: noted })
    }
    // The second time each chunk is fetched along with its link, where that is not left to Koa.
    for (const name of [...names, ...names]) {
      const { status, body } = await ask(`${url}/files/${name}${WAYS[way]}`)
      t.is(status, 200)
      t.true(body.equals(bytes(name, SIZE)), name)
    }
    t.is(used.length, 40)
    t.true(new Set(used).size <= 3, `${new Set(used).size} pieces of memory`)
  })
}
