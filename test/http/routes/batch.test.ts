import test from 'ava'
import { Digest, memcached, UnavailableError } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { memoryIsFree, startTestServer } from '../../helpers/server.ts'

const post = (url: string, hashes: readonly unknown[]) =>
  ask(`${url}/blobs/batch`, { method: 'POST', body: JSON.stringify({ hashes }) })

/** The files of an answer, by what they are called in it. */
async function filesOf({ headers, body }: Awaited<ReturnType<typeof ask>>) {
  const type = String(headers['content-type'])
  const form = await new Response(body, { headers: { 'Content-Type': type } }).formData()
  const entries = form.getAll('file').map(async (file) => {
    if (typeof file === 'string') throw new Error('a field')
    return [file.name, Buffer.from(await file.arrayBuffer())] as const
  })
  return new Map(await Promise.all(entries))
}

test('files asked for together come as a form, each whole', async (t) => {
  const { address, raw } = await startMemcached(t)
  const { url, store } = await startTestServer(t, { engine: memcached(address) })
  const contents = [
    Buffer.alloc(0),
    Buffer.from('--\r\n\r\n--'),
    bytes('of several chunks', 1_200_000),
    ...Array.from({ length: 300 }, (_, index) => bytes(index, 4096)),
  ]
  const receipts = await Promise.all(contents.map((content) => store.put(content)))
  const hashes = receipts.map(({ hash }) => hash)
  const answer = await post(url, [...hashes, ...hashes])
  t.is(answer.status, 200)
  t.is(Number(answer.headers['content-length']), answer.body.length)
  const files = await filesOf(answer)
  t.is(files.size, contents.length)
  for (const [index, hash] of hashes.entries()) t.true(files.get(hash)?.equals(contents[index]!))
  await memoryIsFree({ store })

  await raw.delete(`c:${hashes[7]}`)
  await raw.set(`c:${hashes[9]}`, Buffer.from('other bytes'))
  const none = 'f'.repeat(64)
  const lost = await post(url, [...hashes, none])
  assertProblem(t, lost, 404, 'evicted')
  const { missing } = lost.json() as { missing: string[] }
  t.deepEqual(missing.sort(), [hashes[7]!, hashes[9]!, none].sort())
  await memoryIsFree({ store })
})

test('files that do not fit the memory are sent one by one, in the order of the list', async (t) => {
  const memory = { total: 400_000, perRead: 5000 }
  const { url, store } = await startTestServer(t, { store: { chunkSize: 10_000, memory } })
  const contents = [70_000, 3, 40_000, 4000, 0, 9].map((size) => bytes(size, size))
  const receipts = await Promise.all(contents.map((content) => store.put(content)))
  const answer = await post(
    url,
    receipts.map(({ hash }) => hash),
  )
  t.is(answer.status, 200)
  const files = [...(await filesOf(answer)).values()]
  for (const [index, content] of contents.entries()) t.true(files[index]!.equals(content))
  await memoryIsFree({ store })
})

test('nothing asked for is an empty form', async (t) => {
  const { url } = await startTestServer(t)
  t.is((await post(url, [])).status, 200)
})

test('a batch is bounded in files and in bytes', async (t) => {
  const { url, store } = await startTestServer(t)
  const many = Array.from({ length: 1001 }, (_, index) => Digest.of(Buffer.from(`${index}`)).hex)
  assertProblem(t, await post(url, many), 400, 'bad-request')
  assertProblem(t, await post(url, ['x']), 400, 'bad-request')
  assertProblem(t, await post(url, [1]), 400, 'bad-request')
  const large = await Promise.all([1, 2, 3].map((seed) => store.put(bytes(seed, 6_000_000))))
  const hashes = large.map(({ hash }) => hash)
  assertProblem(t, await post(url, hashes), 413, 'too-large')
  t.is((await post(url, hashes.slice(1))).status, 200)
  await memoryIsFree({ store })
})

test('a memcached that is down is no miss', async (t) => {
  const { address } = await startMemcached(t)
  const engine = new FaultyEngine(memcached(address))
  const { url, store } = await startTestServer(t, { engine })
  const { hash } = await store.put('content')
  engine.get = async () => {
    throw new UnavailableError('down')
  }
  assertProblem(t, await post(url, [Digest.empty.hex, hash]), 503, 'unavailable')
})
