import test, { type ExecutionContext } from 'ava'
import { Digest, memory } from '../../../../src/index.ts'
import { bytes } from '../../../helpers/bytes.ts'
import {
  digestOf,
  directory,
  field,
  message,
  outputDirectory,
  outputFile,
} from '../../../helpers/protobuf.ts'
import { exchange, parseAnswer } from '../../../helpers/raw-http.ts'
import { startTestServer } from '../../../helpers/server.ts'

const KEY = 'a'.repeat(64)
const NOT_EMPTY = 'an action result has at least one byte'
const hashOf = (content: Buffer | string) => Digest.of(Buffer.from(content)).hex

async function startCache(t: ExecutionContext) {
  const server = await startTestServer(t, { engine: memory(), store: { chunkSize: 1000 } })
  const put = (path: string, body: Buffer | string) =>
    fetch(server.url + path, { method: 'PUT', body })
  const putContent = (content: Buffer | string) => put(`/bz/cas/${hashOf(content)}`, content)
  const status = async (path: string, method = 'GET') => {
    const answer = await fetch(server.url + path, { method })
    await answer.arrayBuffer()
    return answer.status
  }
  return { ...server, put, putContent, status }
}

test('cas keeps content under its SHA-256, the same whatever the prefix, and as a blob', async (t) => {
  const { url, put } = await startCache(t)
  const content = bytes('cas', 5500)
  const stored = await put(`/some/team/cas/${hashOf(content)}`, content)
  t.is(stored.status, 201)
  t.is((await put(`/cas/${hashOf(content)}`, content)).status, 200)
  for (const path of ['/cas/', '/bz/cas/', '/some/team/cas/', '//cas/', '/blobs/']) {
    const answer = await fetch(url + path + hashOf(content))
    t.is(answer.status, 200, path)
    t.deepEqual(Buffer.from(await answer.arrayBuffer()), content)
  }
})

test('cas refuses bytes that have another SHA-256', async (t) => {
  const { put, status } = await startCache(t)
  const refused = await put(`/cas/${KEY}`, 'other bytes')
  t.is(refused.status, 400)
  t.like(await refused.json(), { reason: 'digest-mismatch' })
  t.is(await status(`/cas/${KEY}`), 404)
  t.is(await status(`/cas/${hashOf('other bytes')}`), 404)
})

test('the empty blob is always there', async (t) => {
  const { url, engine } = await startCache(t)
  await engine.close()
  for (const method of ['GET', 'HEAD']) {
    const answer = await fetch(`${url}/bz/cas/${hashOf('')}`, { method })
    t.is(answer.status, 200)
    t.is(answer.headers.get('content-length'), '0')
    t.is((await answer.arrayBuffer()).byteLength, 0)
  }
})

test('ac keeps any bytes, the last writer wins, and its key says nothing about cas', async (t) => {
  const { url, put, status } = await startCache(t)
  const content = bytes('ac', 3000)
  await put(`/bz/cas/${hashOf(content)}`, content)
  t.is((await put(`/bz/ac/${hashOf(content)}`, 'first')).status, 201)
  t.is((await put(`/bz/ac/${hashOf(content)}`, 'second')).status, 200)
  t.is(await (await fetch(`${url}/bz/ac/${hashOf(content)}`)).text(), 'second')
  t.is((await (await fetch(`${url}/bz/cas/${hashOf(content)}`)).arrayBuffer()).byteLength, 3000)
  t.is(await status(`/bz/ac/${hashOf(content)}`, 'DELETE'), 204)
  t.is(await status(`/bz/ac/${hashOf(content)}`), 404)
  t.is(await status(`/bz/ac/${hashOf(content)}`, 'DELETE'), 404)
  t.is(await status(`/bz/cas/${hashOf(content)}`), 200)
})

test('ac is apart for each prefix, and each entry is the file named by its path', async (t) => {
  const { url, put } = await startCache(t)
  await put(`/ac/${KEY}`, 'none')
  await put(`/one/ac/${KEY}`, 'one')
  await put(`/two/deep/ac/${KEY}`, 'two')
  for (const [path, content] of Object.entries({ '': 'none', 'one/': 'one', 'two/deep/': 'two' })) {
    t.is(await (await fetch(`${url}/${path}ac/${KEY}`)).text(), content)
    t.is(await (await fetch(`${url}/files/${path}ac/${KEY}`)).text(), content)
  }
})

test("what a user calls a file is the user's: /files is no prefix", async (t) => {
  const { url, put, status } = await startCache(t)
  t.is((await put(`/files/bz/cas/${KEY}`, 'not its hash')).status, 201)
  t.is(await (await fetch(`${url}/files/bz/cas/${KEY}`)).text(), 'not its hash')
  t.is(await status(`/bz/cas/${KEY}`), 404)
})

test('an action result is served while everything it names is there', async (t) => {
  const { url, put, putContent } = await startCache(t)
  const large = bytes('output', 4500)
  const tree = message(field(1, directory({ 'a.txt': 'a', 'empty.txt': '' })))
  const result = message(
    field(2, outputFile('large', large)),
    field(2, outputFile('empty', '')),
    field(3, outputDirectory('dir', tree)),
    field(6, digestOf('printed')),
  )
  for (const content of [large, tree, 'a', 'printed']) await putContent(content)
  await put(`/bz/ac/${KEY}`, result)
  for (const method of ['GET', 'HEAD']) {
    const answer = await fetch(`${url}/bz/ac/${KEY}`, { method })
    t.is(answer.status, 200)
    t.is(answer.headers.get('content-length'), String(result.length))
    if (method === 'GET') t.deepEqual(Buffer.from(await answer.arrayBuffer()), result)
  }
})

const losses: Record<string, { result: Buffer; contents: (Buffer | string)[]; lost: string }> = {
  'an output file': {
    result: field(2, outputFile('out', 'output')),
    contents: ['output'],
    lost: `h:${hashOf('output')}`,
  },
  'a chunk of an output file': {
    result: field(2, outputFile('out', bytes('big', 1500))),
    contents: [bytes('big', 1500)],
    lost: `c:${hashOf(bytes('big', 1500).subarray(1000))}`,
  },
  'what it printed': {
    result: field(6, digestOf('printed')),
    contents: ['printed'],
    lost: `h:${hashOf('printed')}`,
  },
  'the list of a directory': {
    result: field(3, outputDirectory('dir', field(1, directory({ a: 'a' })))),
    contents: ['a', field(1, directory({ a: 'a' }))],
    lost: `h:${hashOf(field(1, directory({ a: 'a' })))}`,
  },
  'a file in a directory': {
    result: field(3, outputDirectory('dir', field(2, directory({ a: 'a', b: 'b' })))),
    contents: ['a', 'b', field(2, directory({ a: 'a', b: 'b' }))],
    lost: `c:${hashOf('b')}`,
  },
}
for (const [what, { result, contents, lost }] of Object.entries(losses)) {
  test(`an action result is a miss when this is gone: ${what}`, async (t) => {
    const { url, engine, put, putContent, status } = await startCache(t)
    for (const content of contents) await putContent(content)
    await put(`/bz/ac/${KEY}`, result)
    t.is(await status(`/bz/ac/${KEY}`), 200)
    t.true(await engine.delete(lost))
    for (const method of ['GET', 'HEAD']) {
      const answer = await fetch(`${url}/bz/ac/${KEY}`, { method })
      t.is(answer.status, 404)
      t.is(answer.headers.get('cache-status'), 'blobcached; detail=evicted')
      await answer.arrayBuffer()
    }
  })
}

test('an action result is a miss when the list of a directory is damaged', async (t) => {
  const { engine, put, putContent, status } = await startCache(t)
  const tree = field(1, directory({ a: 'a' }))
  await putContent('a')
  await putContent(tree)
  await put(`/bz/ac/${KEY}`, field(3, outputDirectory('dir', tree)))
  await engine.set(`c:${hashOf(tree)}`, Buffer.from('damage'))
  t.is(await status(`/bz/ac/${KEY}`), 404)
})

test('bytes that are no action result are served as they are', async (t) => {
  const { url, put } = await startCache(t)
  for (const content of ['cCrS\u0001', '{"json": true}', bytes('noise', 10_000)]) {
    await put(`/cc/ac/${KEY}`, content)
    const answer = await fetch(`${url}/cc/ac/${KEY}`)
    t.is(answer.status, 200)
    t.deepEqual(Buffer.from(await answer.arrayBuffer()), Buffer.from(content))
  }
})

test('HEAD is honest about every chunk', async (t) => {
  const { engine, put, putContent, status } = await startCache(t)
  const content = bytes('head', 2500)
  await putContent(content)
  await put(`/bz/ac/${KEY}`, content)
  t.is(await status(`/bz/cas/${hashOf(content)}`, 'HEAD'), 200)
  t.is(await status(`/bz/ac/${KEY}`, 'HEAD'), 200)
  await engine.delete(`c:${hashOf(content.subarray(2000))}`)
  t.is(await status(`/bz/cas/${hashOf(content)}`, 'HEAD'), 404)
  t.is(await status(`/bz/ac/${KEY}`, 'HEAD'), 404)
})

test('an empty action result is refused, however it is sent, and leaves a good one', async (t) => {
  const { url, store, put } = await startCache(t)
  const path = `/bz/ac/${KEY}`
  const { hash } = await store.put('an action result')
  const { hash: empty } = await store.put('')
  t.is((await put(`${path}?from=${hash}`, '')).status, 201)
  const fields = ['Host: x', 'Transfer-Encoding: chunked', 'Connection: close']
  const chunked = await exchange(t, url, `PUT ${path} HTTP/1.1`, ...fields, '', '0', '', '')
  const refused = [await put(path, ''), await put(`${path}?from=${empty}`, '')]
  for (const problem of [
    ...(await Promise.all(refused.map((answer) => answer.json()))),
    JSON.parse(parseAnswer(chunked).body),
  ]) {
    t.like(problem, { status: 400, reason: 'bad-request', detail: NOT_EMPTY })
  }
  t.is(await (await fetch(url + path)).text(), 'an action result')
  const some = await exchange(t, url, `PUT ${path} HTTP/1.1`, ...fields, '', '1', 'x', '0', '', '')
  t.is(parseAnswer(some).status, 200)
  t.is(await (await fetch(url + path)).text(), 'x')
})

test('an empty action result is not found where it was stored under /files', async (t) => {
  const { store, put, status } = await startCache(t)
  const path = `/bz/ac/${KEY}`
  const { hash: empty } = await store.put('')
  for (const target of [`/files${path}`, `/files${path}?from=${empty}`]) {
    t.true((await put(target, '')).ok)
    t.is(await status(path), 404, target)
    t.is(await status(path, 'HEAD'), 404, target)
  }
})
