import { setImmediate as tick } from 'node:timers/promises'
import test from 'ava'
import fc from 'fast-check'
import { memcached } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { connectRaw } from '../../helpers/raw-http.ts'
import { memoryIsFree, startTestServer } from '../../helpers/server.ts'

const SIZE = 4000
/** Memory of a chunk's size, and a small part of a block. */
const CHUNK_SIZES = { large: SIZE, small: 500_000 }

for (const [kind, chunkSize] of Object.entries(CHUNK_SIZES)) {
  test(`${kind} memory of a file that was sent is used for the next one, which is right`, async (t) => {
    const { address } = await startMemcached(t)
    const engine = new FaultyEngine(memcached(address))
    const { url, store } = await startTestServer(t, { engine, store: { chunkSize } })
    const names = Array.from({ length: 20 }, (_, i) => `${i}`)
    for (const name of names) await store.put(bytes(name, SIZE), { name })
    const used: string[] = []
    const memories: ArrayBufferLike[] = []
    const nameOf = ({ buffer, byteOffset }: Buffer) => {
      if (!memories.includes(buffer)) memories.push(buffer)
      return `${byteOffset} of ${memories.indexOf(buffer)}`
    }
    engine.get = (key, prove, options = {}) => {
      const { allocate } = options
      if (allocate === undefined) return engine.inner.get(key, prove, options)
      const noted = (size: number) => {
        const memory = allocate(size)
        used.push(nameOf(memory))
        return memory
      }
      return engine.inner.get(key, prove, { ...options, allocate: noted })
    }
    // The second time each chunk is fetched along with its link.
    for (const name of [...names, ...names]) {
      const { status, body } = await ask(`${url}/files/${name}`)
      t.is(status, 200)
      t.true(body.equals(bytes(name, SIZE)), name)
    }
    t.is(used.length, 40)
    t.true(new Set(used).size <= 3, `${new Set(used).size} pieces of memory`)
  })
}

test('whoever reads what at the same time, also of those who leave, each gets the right bytes', async (t) => {
  const { address } = await startMemcached(t)
  const server = await startTestServer(t, { engine: memcached(address) })
  const { url, store } = server
  const contents = Array.from({ length: 30 }, (_, i) => bytes(`${i}`, 1 + i * i * 40))
  for (const [name, content] of contents.entries()) await store.put(content, { name: `${name}` })
  const random = fc.sample(fc.nat(contents.length - 1), { numRuns: 2400, seed: 7 })
  let wrong = 0
  const read = async () => {
    for (let name = random.pop(); name !== undefined; name = random.pop()) {
      const { body } = await ask(`${url}/files/${name}`)
      if (!body.equals(contents[name]!)) wrong++
    }
  }
  const leave = async () => {
    for (let name = random.pop(); name !== undefined; name = random.pop()) {
      const client = await connectRaw(t, url)
      client.send(`GET /files/${name} HTTP/1.1`, 'Host: x', '', '')
      await tick()
      client.socket.resetAndDestroy()
    }
  }
  await Promise.all([...Array.from({ length: 12 }, read), leave(), leave()])
  t.is(wrong, 0)
  await memoryIsFree(server) // Those who left may be noticed after the last answer.
})
