import test from 'ava'
import { Digest } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { ask } from '../../helpers/http.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { startTestServer } from '../../helpers/server.ts'

const content = bytes('blobs', 3456)
const digest = Digest.of(content)
const path = `/blobs/${digest.hex}`

test('PUT answers 201 with a receipt, then 200; GET and HEAD have the content', async (t) => {
  const { url } = await startTestServer(t, { store: { chunkSize: 1000 } })
  for (const status of [201, 200]) {
    const put = await ask(url + path, { method: 'PUT', body: content })
    t.is(put.status, status)
    t.deepEqual(put.json(), { hash: digest.hex, size: 3456, chunks: 4, url: path })
    t.is(put.headers.location, path)
    t.is(put.headers.etag, `"${digest.hex}"`)
  }
  const get = await ask(url + path)
  t.is(get.status, 200)
  t.deepEqual(get.body, content)
  t.like(get.headers, {
    'content-type': 'application/octet-stream',
    'content-length': '3456',
    etag: `"${digest.hex}"`,
    'repr-digest': `sha-256=:${digest.base64}:`,
    'cache-status': 'blobcached; hit',
  })
  t.regex(get.headers['cache-control']!, /immutable/)
  const head = await ask(url + path, { method: 'HEAD' })
  t.is(head.status, 200)
  t.deepEqual(Object.keys(head.headers).sort(), Object.keys(get.headers).sort())
})

test('bytes of another hash are refused, and nothing is stored', async (t) => {
  const { url, store } = await startTestServer(t, { store: { chunkSize: 1000 } })
  const other = Digest.of(Buffer.from('other'))
  for (const body of [content, Buffer.alloc(0)]) {
    const put = await ask(`${url}/blobs/${other.hex}`, { method: 'PUT', body })
    assertProblem(t, put, 400, 'digest-mismatch')
    t.like(put.json(), {
      expected: `sha256 ${other.hex}`,
      actual: `sha256 ${Digest.of(body).hex}`,
    })
    assertProblem(t, await ask(`${url}/blobs/${other.hex}`), 404, 'not-found')
    assertProblem(t, await ask(`${url}/blobs/${Digest.of(body).hex}`), 404, 'not-found')
  }
  t.is(store.memoryUsage.used, 0)
})

test('DELETE by hash removes the hash and no name', async (t) => {
  const { url } = await startTestServer(t)
  await ask(`${url}/files/a`, { method: 'PUT', body: content })
  t.is((await ask(url + path, { method: 'DELETE' })).status, 204)
  assertProblem(t, await ask(url + path), 404, 'not-found')
  assertProblem(t, await ask(url + path, { method: 'DELETE' }), 404, 'not-found')
  t.deepEqual((await ask(`${url}/files/a`)).body, content)
})

const bad = ['x', digest.hex.toUpperCase(), digest.hex.slice(1), `${digest.hex}0`, '%zz', '%00']
for (const hash of bad) {
  test(`${hash.slice(0, 9)}… of ${hash.length} is no hash`, async (t) => {
    const { url } = await startTestServer(t)
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
      assertProblem(t, await ask(`${url}/blobs/${hash}`, { method }), 400, 'bad-request')
    }
  })
}
