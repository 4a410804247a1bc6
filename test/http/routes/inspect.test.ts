import { createHash } from 'node:crypto'
import test from 'ava'
import { memcached, memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { startTestServer } from '../../helpers/server.ts'

const sha256 = (content: Buffer | string) => createHash('sha256').update(content).digest('hex')

test('the manifest lists the chunks, by hash and by name, even when some are gone', async (t) => {
  const { url, store, engine } = await startTestServer(t, { store: { chunkSize: 1000 } })
  const content = bytes('manifest', 1_200_300)
  const { hash } = await store.put(content, { name: 'dir/f' })
  const expected = {
    hash,
    size: content.length,
    chunkSize: 1000,
    chunks: Array.from({ length: 1201 }, (_, index) => {
      const chunk = content.subarray(index * 1000, (index + 1) * 1000)
      return { hash: sha256(chunk), offset: index * 1000, size: chunk.length }
    }),
  }
  const byHash = await ask(`${url}/blobs/${hash}/manifest`)
  t.is(byHash.status, 200)
  t.regex(byHash.headers['content-type']!, /^application\/json/)
  t.regex(byHash.headers['cache-control']!, /immutable/)
  t.deepEqual(byHash.json(), expected)
  // The link tells, whatever chunks are gone.
  await engine.delete(`c:${expected.chunks[1]!.hash}`)
  const byName = await ask(`${url}/files/dir/f?manifest`)
  t.deepEqual(byName.json(), expected)
  t.is(byName.headers['cache-control'], 'no-cache')

  const empty = await store.put('')
  t.like((await ask(`${url}/blobs/${empty.hash}/manifest`)).json(), { size: 0, chunks: [] })
})

test('the health tells of every chunk, right, wrong or gone', async (t) => {
  const { url, store, engine } = await startTestServer(t, { store: { chunkSize: 1000 } })
  const content = bytes('health', 2500)
  const { hash } = await store.put(content, { name: 'f' })
  const chunks = [0, 1000, 2000].map((at) => content.subarray(at, at + 1000))
  const states = async (path: string) => {
    const answer = await ask(url + path)
    t.is(answer.status, 200)
    t.is(answer.headers['cache-control'], 'no-store')
    const { state, counts, chunks } = answer.json() as {
      state: string
      counts: Record<string, number>
      chunks: { state: string; hash: string; offset: number; size: number }[]
    }
    return { state, counts, each: chunks.map((chunk) => chunk.state) }
  }
  for (const path of [`/blobs/${hash}/health`, '/files/f?health']) {
    t.deepEqual(await states(path), {
      state: 'intact',
      counts: { intact: 3, evicted: 0, corrupt: 0 },
      each: ['intact', 'intact', 'intact'],
    })
  }
  await engine.delete(`c:${sha256(chunks[0]!)}`)
  t.like(await states(`/blobs/${hash}/health`), {
    state: 'evicted',
    each: ['evicted', 'intact', 'intact'],
  })
  await engine.set(`c:${sha256(chunks[2]!)}`, Buffer.from('wrong'))
  for (const path of [`/blobs/${hash}/health`, '/files/f?health']) {
    t.like(await states(path), {
      state: 'corrupt',
      counts: { intact: 1, evicted: 1, corrupt: 1 },
      each: ['evicted', 'intact', 'corrupt'],
    })
  }
  // A name is enough: it holds the whole manifest.
  await engine.delete(`h:${hash}`)
  t.like(await states('/files/f?health'), { state: 'corrupt' })
  t.is((await ask(`${url}/blobs/${hash}/health`)).status, 404)
})

test('what has no link has neither', async (t) => {
  const { url } = await startTestServer(t)
  const none = '0'.repeat(64)
  for (const path of ['manifest', 'health'].flatMap((it) => [
    `/blobs/${none}/${it}`,
    `/files/none?${it}`,
  ])) {
    const answer = await ask(url + path)
    t.is(answer.status, 404, path)
    t.like(answer.json(), { reason: 'not-found' })
  }
  for (const path of [
    '/blobs/short/manifest',
    '/blobs/short/health',
    '/files/f?manifest&health',
    '/files/f?manifest=no',
  ]) {
    t.is((await ask(url + path)).status, 400, path)
  }
})

test('ten thousand hashes are asked about at once, on real memcached', async (t) => {
  const server = await startMemcached(t)
  const { url, store } = await startTestServer(t, { engine: memcached(server.address) })
  const there = await Promise.all(
    Array.from({ length: 20 }, (_, index) => store.put(`content ${index}`)),
  )
  const nowhere = Array.from({ length: 9980 }, (_, index) => sha256(`nothing ${index}`))
  const hashes = [
    ...nowhere.slice(0, 5000),
    ...there.map(({ hash }) => hash),
    ...nowhere.slice(5000),
  ]
  const answer = await ask(`${url}/blobs/missing`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ hashes }, null, 2),
  })
  t.is(answer.status, 200)
  t.deepEqual(answer.json(), { missing: nowhere })
})

test('what is asked about and there has its life extended', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url, store } = await startTestServer(t, { engine })
  const { hash } = await store.put('content')
  const touched: [string, number][] = []
  engine.touch = (key, ttl) => {
    touched.push([key, ttl])
    return engine.inner.touch(key, ttl)
  }
  const body = JSON.stringify({ hashes: [hash, hash] })
  const headers = { 'Content-Type': 'application/json' }
  const answer = await ask(`${url}/blobs/missing`, { method: 'POST', headers, body })
  t.deepEqual(answer.json(), { missing: [] })
  t.deepEqual(touched, [
    [`c:${hash}`, 0],
    [`h:${hash}`, 0],
  ])
})

test('a list that is none is 400, one that is too long 413', async (t) => {
  const { url } = await startTestServer(t)
  const none = '0'.repeat(64)
  const table = [
    { body: '', status: 400 },
    { body: '{', status: 400 },
    { body: '[]', status: 400 },
    { body: '"text"', status: 400 },
    { body: '{"hashes":"text"}', status: 400 },
    { body: '{"hashes":[1]}', status: 400 },
    { body: `{"hashes":["${none.toUpperCase().replace('0', 'A')}"]}`, status: 400 },
    { body: '{"hashes":["short"]}', status: 400 },
    { body: `{"hashes":["${none}"],"__proto__":{"x":1}}`, status: 400 },
    { body: JSON.stringify({ hashes: Array(10_001).fill(none) }), status: 400 },
    { body: `{"hashes":["${'x'.repeat(1024 * 1024)}"]}`, status: 413 },
    { body: Buffer.from([0xff, 0xfe, 0x00]), status: 400 },
    { body: '{"hashes":[]}', status: 200 },
  ]
  for (const { body, status } of table) {
    const headers = { 'Content-Type': 'application/json' }
    const answer = await ask(`${url}/blobs/missing`, { method: 'POST', headers, body })
    t.is(answer.status, status, body.toString().slice(0, 50))
  }
})
