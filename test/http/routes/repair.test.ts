import test from 'ava'
import { DEFAULT_CHUNK_SIZE, Digest, memory, type Repair } from '../../../src/index.ts'
import { startFleet } from '../../engine/fleet/harness.ts'
import { bytes } from '../../helpers/bytes.ts'
import { ask } from '../../helpers/http.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { startTestServer } from '../../helpers/server.ts'

const CONTENT = bytes('repair', 3 * DEFAULT_CHUNK_SIZE)
const chunkKey = (index: number) => {
  const at = index * DEFAULT_CHUNK_SIZE
  return `c:${Digest.of(CONTENT.subarray(at, at + DEFAULT_CHUNK_SIZE)).hex}`
}
const NONE = { wanted: 0, found: 0, repaired: 0, silent: 0 }

test('a repair writes every copy again that is missing or wrong, and tells what it found', async (t) => {
  const { servers, engine } = await startFleet(t, 4, { replicas: 2 })
  const { url, store } = await startTestServer(t, { engine })
  const { hash } = await store.put(CONTENT)
  const repair = async () => {
    const answer = await ask(`${url}/blobs/${hash}/repair`, { method: 'POST' })
    t.is(answer.status, 200)
    t.is(answer.headers['cache-control'], 'no-store')
    return answer.json() as Repair
  }
  const whole: Repair = {
    state: 'intact',
    hash,
    size: CONTENT.length,
    counts: { intact: 3, evicted: 0, corrupt: 0 },
    link: { ...NONE, wanted: 3, found: 3 },
    chunks: { ...NONE, wanted: 6, found: 6 },
  }
  t.deepEqual(await repair(), whole)

  const holdersOf = async (key: string) => {
    const held = await Promise.all(
      servers.map(async ({ raw }) => (await raw.get(key)) !== undefined),
    )
    return servers.filter((_, i) => held[i])
  }
  const [lostLink] = await holdersOf(`h:${hash}`)
  await lostLink!.raw.delete(`h:${hash}`)
  const [lostChunk] = await holdersOf(chunkKey(0))
  await lostChunk!.raw.delete(chunkKey(0))
  const [wrongChunk] = await holdersOf(chunkKey(1))
  await wrongChunk!.raw.set(chunkKey(1), Buffer.from('wrong'))
  t.deepEqual(await repair(), {
    ...whole,
    link: { ...NONE, wanted: 3, found: 2, repaired: 1 },
    chunks: { ...NONE, wanted: 6, found: 4, repaired: 2 },
  })
  t.deepEqual(await repair(), whole)

  for (const { raw } of await holdersOf(chunkKey(2))) await raw.delete(chunkKey(2))
  const evicted = await repair()
  t.is(evicted.state, 'evicted')
  t.deepEqual(evicted.counts, { intact: 2, evicted: 1, corrupt: 0 })
})

test('a repair of what has no link, or on a single engine, is told as it is', async (t) => {
  const { url, store } = await startTestServer(t, { engine: memory() })
  const { hash } = await store.put(CONTENT)
  const path = (digest: string) => `${url}/blobs/${digest}/repair`
  const answer = await ask(path(hash), { method: 'POST' })
  t.like(answer.json(), { state: 'intact', chunks: { wanted: 3, found: 3, repaired: 0 } })
  const nothing = await ask(path(Digest.empty.hex), { method: 'POST' })
  assertProblem(t, nothing, 404, 'not-found')
  assertProblem(t, await ask(path('nonsense'), { method: 'POST' }), 400, 'bad-request')
})
