import test from 'ava'
import { Digest, type Verification } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { startTestServer } from '../helpers/server.ts'

const chunkSize = 1000
const content = bytes('describe', 3500)

test('the manifest tells the chunks, by hash and by name, even when some are gone', async (t) => {
  const { url, store, engine } = await startTestServer(t, { store: { chunkSize } })
  const { hash } = await store.put(content, { name: 'a b' })
  const second = Digest.of(content.subarray(1000, 2000)).hex
  await engine.delete(`c:${second}`)

  for (const path of [`/blobs/${hash}/manifest`, '/files/a%20b?manifest']) {
    const manifest = (await (await fetch(url + path)).json()) as { chunks: unknown[] }
    t.like(manifest, { hash, size: 3500, chunkSize })
    t.is(manifest.chunks.length, 4)
    t.deepEqual(manifest.chunks[1], { hash: second, offset: 1000, size: 1000 })
  }
})

test('health tells the state of every chunk, by hash and by name', async (t) => {
  const { url, store, engine } = await startTestServer(t, { store: { chunkSize } })
  const { hash } = await store.put(content, { name: 'a/b' })
  const keyAt = (start: number) => `c:${Digest.of(content.subarray(start, start + chunkSize)).hex}`
  const health = async (path: string) => (await (await fetch(url + path)).json()) as Verification

  t.like(await health(`/blobs/${hash}/health`), { state: 'intact', counts: { intact: 4 } })
  await engine.delete(keyAt(1000))
  t.is((await health('/files/a/b?health')).state, 'evicted')
  await engine.set(keyAt(2000), Buffer.from('wrong'))
  // A name is enough: it holds the whole manifest.
  await engine.delete(`h:${hash}`)

  const found = await health('/files/a/b?health')
  t.like(found, { state: 'corrupt', counts: { intact: 2, evicted: 1, corrupt: 1 } })
  t.deepEqual(
    found.chunks.map(({ state }) => state),
    ['intact', 'evicted', 'corrupt', 'intact'],
  )
  t.is((await fetch(`${url}/blobs/${hash}/health`)).status, 404)
})

test('POST /blobs/missing tells which contents could not be served', async (t) => {
  const { url, store } = await startTestServer(t)
  const { hash } = await store.put('here')
  const other = 'f'.repeat(64)
  const ask = (body: string) => fetch(`${url}/blobs/missing`, { method: 'POST', body })

  const answer = await ask(JSON.stringify({ hashes: [other, hash, other] }))
  t.deepEqual(await answer.json(), { missing: [other] })
  for (const body of ['', '[]', '{"hashes":["nonsense"]}', '{"hashes":[1]}']) {
    t.is((await ask(body)).status, 400, body)
  }
  const many = Array.from({ length: 10_001 }, () => hash)
  t.is((await ask(JSON.stringify({ hashes: many }))).status, 400)
})
