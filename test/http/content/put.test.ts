import { createHash } from 'node:crypto'
import test from 'ava'
import { memcached, memory } from '../../../src/index.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { connectRaw } from '../../helpers/raw-http.ts'
import { startTestServer } from '../../helpers/server.ts'

const body = 'some content'
const base64 = createHash('sha256').update(body).digest('base64')
const other = createHash('sha256').update('other').digest('base64')
const hex = createHash('sha256').update(body).digest('hex')

test('a digest that an upload carries must fit its bytes', async (t) => {
  const { url, store } = await startTestServer(t)
  const table = [
    { headers: { 'Repr-Digest': `sha-256=:${base64}:` }, status: 201 },
    { headers: { 'Content-Digest': `sha-512=:AAAA:, sha-256=:${base64}:` }, status: 201 },
    { headers: { Digest: `SHA-256=${base64}` }, status: 201 },
    { headers: { Digest: `md5=AAAA, sha-256=${base64}` }, status: 201 },
    { headers: { 'Repr-Digest': 'sha-512=:AAAA:' }, status: 201 },
    { headers: { 'Repr-Digest': `sha-256=:${other}:` }, reason: 'digest-mismatch' },
    { headers: { 'Content-Digest': `sha-256=:${other}:` }, reason: 'digest-mismatch' },
    { headers: { Digest: `sha-256=${other}` }, reason: 'digest-mismatch' },
    {
      headers: { 'Repr-Digest': `sha-256=:${base64}:`, 'Content-Digest': `sha-256=:${other}:` },
      reason: 'digest-mismatch',
    },
    { headers: { 'Repr-Digest': `sha-256=${base64}` }, reason: 'bad-request' },
    { headers: { 'Repr-Digest': 'sha-256=:AAAA:' }, reason: 'bad-request' },
    { headers: { 'Content-Digest': 'sha-256' }, reason: 'bad-request' },
    { headers: { 'Repr-Digest': '((((' }, reason: 'bad-request' },
    { headers: { Digest: 'sha-256=short' }, reason: 'bad-request' },
  ]
  for (const { headers, status = 400, reason } of table) {
    for (const path of ['/files/f', `/blobs/${hex}`]) {
      const answer = await ask(url + path, { method: 'PUT', headers, body })
      t.is(answer.status, status, JSON.stringify(headers))
      if (reason) t.like(answer.json(), { reason })
      t.is((await ask(`${url}/files/f`)).status, path === '/files/f' && !reason ? 200 : 404)
      t.is((await ask(`${url}/blobs/${hex}`)).status, reason ? 404 : 200)
      await store.delete({ name: 'f' })
      await store.delete(hex)
    }
  }
})

test('a coded body is stored as it is, and a name says how it is coded', async (t) => {
  const { url } = await startTestServer(t)
  const put = (coding: string) =>
    ask(`${url}/files/f`, { method: 'PUT', headers: { 'Content-Encoding': coding }, body })
  t.is((await put('GZIP')).status, 201)
  const answer = await ask(`${url}/files/f`)
  t.is(answer.text, body)
  t.is(answer.headers['content-encoding'], 'gzip')
  t.is((await ask(`${url}/blobs/${hex}`)).headers['content-encoding'], undefined)
  t.is(
    (await ask(`${url}/files/f`, { headers: { Range: 'bytes=99-' } })).headers['content-encoding'],
    undefined,
  )

  t.is((await put('identity')).status, 200)
  t.is((await ask(`${url}/files/f`)).headers['content-encoding'], undefined)
  t.is((await put('aws-chunked')).status, 415)
  t.is((await put('gzip, rot13')).status, 415)
  t.is((await put('gzip, br')).status, 200)
})

test('a lifetime is a whole number of seconds, up to ten years', async (t) => {
  const { url, store } = await startTestServer(t)
  const bad = ['-1', '1.5', 'x', '', '%205', '315360001', '99999999999', '1&ttl=1', '0x10', '1e3']
  for (const ttl of bad) {
    for (const [method, path] of [
      ['PUT', '/files/f'],
      ['POST', '/files/f'],
      ['POST', '/files'],
      ['PUT', `/blobs/${hex}`],
    ]) {
      const answer = await ask(`${url}${path}?ttl=${ttl}`, { method: method!, body })
      t.is(answer.status, 400, `${path} ${ttl}`)
      t.like(answer.json(), { reason: 'bad-request' })
    }
  }
  t.is((await ask(`${url}/files/f`)).status, 404)
  t.is((await ask(`${url}/files/f?ttl=315360000`, { method: 'PUT', body })).status, 201)
  t.is((await store.get('f')).ttl, 315_360_000)
})

test('memcached keeps a file for as long as it is told, beyond 30 days too', async (t) => {
  const server = await startMemcached(t)
  const { url } = await startTestServer(t, { engine: memcached(server.address) })
  const day = 24 * 3600
  const table = [
    { ttl: 0, alive: true },
    { ttl: 30 * day, alive: true },
    { ttl: 30 * day + 1, alive: true },
    { ttl: 60 * day, alive: true },
    { ttl: 3650 * day, alive: true },
  ]
  for (const { ttl } of table) {
    const path = `/files/for-${ttl}`
    t.is((await ask(`${url}${path}?ttl=${ttl}`, { method: 'PUT', body: `for ${ttl}` })).status, 201)
    const answer = await ask(url + path)
    t.is(answer.status, 200, String(ttl))
    const hash = createHash('sha256').update(`for ${ttl}`).digest('hex')
    const caching = (await ask(`${url}/blobs/${hash}`)).headers['cache-control']!
    const age = Number(/^max-age=(\d+), immutable$/.exec(caching)?.[1])
    const expected = ttl === 0 ? 365 * day : Math.min(ttl, 365 * day)
    t.true(age <= expected && age > expected - 60, `${ttl}: ${caching}`)
  }
})

test('a file that is too large is 413 as soon as that shows, and nothing is stored', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = { chunkSize: 1000, maxFileSize: 5000 }
  const { url } = await startTestServer(t, { engine, store })
  engine.add = async () => t.fail('linked')

  const told = await connectRaw(t, url)
  told.send('PUT /files/f HTTP/1.1', 'Host: x', 'Content-Length: 5001', '', 'the first of it')
  await told.until(/^HTTP\/1\.1 413 .*"reason":"too-large"/s)

  // Chunked, and without an end: the client sees the answer while it is still sending.
  const endless = await connectRaw(t, url)
  endless.send('PUT /files/f HTTP/1.1', 'Host: x', 'Transfer-Encoding: chunked', '', '')
  const piece = `3e8\r\n${'x'.repeat(1000)}\r\n`
  for (let sent = 0; sent < 200; sent++) endless.send(piece)
  await endless.until(/^HTTP\/1\.1 413 .*"reason":"too-large"/s)
  t.is((await ask(`${url}/files/f`)).status, 404)

  engine.add = engine.inner.add.bind(engine.inner)
  t.is((await ask(`${url}/files/f`, { method: 'PUT', body: 'x'.repeat(5000) })).status, 201)
})

test('a part of a file cannot be put', async (t) => {
  const { url } = await startTestServer(t)
  const headers = { 'Content-Range': 'bytes 0-11/100' }
  const answer = await ask(`${url}/files/f`, { method: 'PUT', headers, body })
  t.is(answer.status, 400)
})

test('a refused upload leaves its connection usable', async (t) => {
  const { url } = await startTestServer(t)
  const client = await connectRaw(t, url)
  client.send('PUT /files/%00 HTTP/1.1', 'Host: x', 'Content-Length: 4', '', 'body')
  client.send('GET /healthz HTTP/1.1', 'Host: x', '', '')
  await client.until(/^HTTP\/1\.1 400 .*HTTP\/1\.1 200 /s)
})
