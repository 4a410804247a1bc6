import test from 'ava'
import { Digest } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { ask } from '../../helpers/http.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { startTestServer } from '../../helpers/server.ts'

const content = bytes('files', 12_345)
const digest = Digest.of(content)
const hash = digest.hex

test('PUT answers 201 with a receipt, then 200', async (t) => {
  const { url } = await startTestServer(t, { store: { chunkSize: 1000 } })
  const put = () =>
    ask(`${url}/files/dir/a%20name`, {
      method: 'PUT',
      body: content,
      headers: { 'Content-Type': 'text/plain; charset=latin1' },
    })
  for (const status of [201, 200]) {
    const answer = await put()
    t.is(answer.status, status)
    t.deepEqual(answer.json(), {
      hash,
      size: 12_345,
      chunks: 13,
      name: 'dir/a name',
      type: 'text/plain; charset=latin1',
      url: '/files/dir/a%20name',
    })
    t.is(answer.headers.location, '/files/dir/a%20name')
    t.is(answer.headers.etag, `"${hash}"`)
    t.is(answer.headers['content-type'], 'application/json; charset=utf-8')
  }
})

test('GET has the content and everything that describes it, HEAD the same but the content', async (t) => {
  const { url } = await startTestServer(t, { store: { chunkSize: 1000 } })
  const before = Math.floor(Date.now() / 1000) * 1000
  const headers = { 'Content-Type': 'image/png' }
  await ask(`${url}/files/a`, { method: 'PUT', body: content, headers })
  const get = await ask(`${url}/files/a`)
  t.is(get.status, 200)
  t.deepEqual(get.body, content)
  t.like(get.headers, {
    'content-type': 'image/png',
    'content-length': '12345',
    etag: `"${hash}"`,
    'repr-digest': `sha-256=:${digest.base64}:`,
    'cache-status': 'blobcached; hit',
    'cache-control': 'no-cache',
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    'content-security-policy': 'sandbox',
  })
  t.true(Date.parse(get.headers['last-modified']!) >= before)

  const head = await ask(`${url}/files/a`, { method: 'HEAD' })
  t.is(head.status, 200)
  t.is(head.body.length, 0)
  const { date: _, 'x-request-id': __, ...described } = get.headers
  t.like(head.headers, described)
  t.deepEqual(Object.keys(head.headers).sort(), Object.keys(get.headers).sort())
})

test('what is not there is 404 not-found, to GET, HEAD and DELETE', async (t) => {
  const { url } = await startTestServer(t)
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    assertProblem(t, await ask(`${url}/files/nothing`, { method }), 404, 'not-found')
  }
})

test('DELETE by name removes the name and nothing else', async (t) => {
  const { url } = await startTestServer(t)
  for (const name of ['one', 'two']) {
    await ask(`${url}/files/${name}`, { method: 'PUT', body: content })
  }
  const gone = await ask(`${url}/files/one`, { method: 'DELETE' })
  t.is(gone.status, 204)
  t.is(gone.body.length, 0)
  assertProblem(t, await ask(`${url}/files/one`), 404, 'not-found')
  assertProblem(t, await ask(`${url}/files/one`, { method: 'DELETE' }), 404, 'not-found')
  for (const path of ['/files/two', `/blobs/${hash}`]) {
    t.deepEqual((await ask(url + path)).body, content)
  }
})

test('DELETE with purge takes the chunks along', async (t) => {
  const { url } = await startTestServer(t)
  await ask(`${url}/files/one`, { method: 'PUT', body: content })
  t.is((await ask(`${url}/files/one?purge=true`, { method: 'DELETE' })).status, 204)
  assertProblem(t, await ask(`${url}/blobs/${hash}`), 404, 'evicted')
})

test('POST is create-only: 409 when the name is there', async (t) => {
  const { url } = await startTestServer(t)
  const post = (body: string) => ask(`${url}/files/a`, { method: 'POST', body })
  t.is((await post('first')).status, 201)
  assertProblem(t, await post('second'), 409, 'exists')
  t.is((await ask(`${url}/files/a`)).text, 'first')
  await ask(`${url}/files/a`, { method: 'DELETE' })
  t.is((await post('third')).status, 201)
})

test('POST /files stores by hash alone, or by the name in the query', async (t) => {
  const { url } = await startTestServer(t)
  const byHash = await ask(`${url}/files`, { method: 'POST', body: content })
  t.is(byHash.status, 201)
  t.like(byHash.json(), { hash, url: `/blobs/${hash}` })
  t.is(byHash.headers.location, `/blobs/${hash}`)
  const named = await ask(`${url}/files?name=a%2Fb`, { method: 'POST', body: content })
  t.like(named.json(), { hash, name: 'a/b', url: '/files/a/b' })
  t.deepEqual((await ask(`${url}/files/a/b`)).body, content)
})

test('an empty file is a file', async (t) => {
  const { url } = await startTestServer(t)
  const put = await ask(`${url}/files/empty`, { method: 'PUT' })
  t.is(put.status, 201)
  t.like(put.json(), { hash: Digest.empty.hex, size: 0, chunks: 0 })
  for (const path of ['/files/empty', `/blobs/${Digest.empty.hex}`]) {
    const answer = await ask(url + path)
    t.is(answer.status, 200)
    t.is(answer.headers['content-length'], '0')
    t.is(answer.headers['content-type'], 'application/octet-stream')
    t.is(answer.body.length, 0)
  }
})
