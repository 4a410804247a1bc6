import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Digest, memcached } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { ask } from '../../helpers/http.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { connectRaw, parseAnswer } from '../../helpers/raw-http.ts'
import { putRaw, type RawUpload, rawPut } from '../../helpers/raw-upload.ts'
import { startTestServer } from '../../helpers/server.ts'

const body = 'some content'
const base64 = createHash('sha256').update(body).digest('base64')
const other = createHash('sha256').update('other').digest('base64')
const hex = createHash('sha256').update(body).digest('hex')

/** Two chunks at once for an upload, so that more of them have to wait. */
const SMALL = { chunkSize: 1000, memory: { total: 8000, perRead: 2500 } }
const SIZES = [0, 1, 300, 1000, 1001, 2400, 8500, 100_000]

const framings: [string, Partial<RawUpload>, readonly number[]][] = [
  ['with Content-Length', {}, SIZES],
  ['with Content-Length, HTTP/1.0', { version: '1.0' }, SIZES],
  ['chunked', { chunked: 700 }, SIZES],
  ['in one chunk', { chunked: 1_000_000 }, SIZES],
  ['in chunks of one byte', { chunked: 1 }, [0, 1200]],
  ['in chunks as large as usual', { chunked: 100_000 }, [3_000_000]],
]
for (const [how, framing, sizes] of framings) {
  test(`a body ${how} is stored, by name and by hash: 201, and 200 again`, async (t) => {
    for (const size of sizes) {
      const content = bytes(how, size)
      const hash = Digest.of(content).hex
      const { url, store } = await startTestServer(t, { store: SMALL })
      for (const path of [`/blobs/${hash}`, '/files/f']) {
        for (const status of [201, 200]) {
          const answer = parseAnswer(await putRaw(t, url, { path, body: content, ...framing }))
          t.is(answer.status, status, `${path} ${size}`)
          t.like(JSON.parse(answer.body), { hash, size })
        }
        t.true((await ask(url + path)).body.equals(content), `${path} ${size}`)
      }
      t.is(store.memoryUsage.used, 0)
    }
  })
}

test('a body that comes piece by piece is stored whole', async (t) => {
  const { url } = await startTestServer(t, { store: SMALL })
  const content = bytes('pieces', 4000)
  const client = await connectRaw(t, url)
  const sent = rawPut({ path: '/files/f', body: content, chunked: 900 })
  for (let at = 0; at < sent.length; at += 211) {
    client.socket.write(sent.subarray(at, at + 211))
    await sleep(1)
  }
  await client.until(/^HTTP\/1\.1 201 /)
  t.true((await ask(`${url}/files/f`)).body.equals(content))
})

test('the answer to an upload is these bytes', async (t) => {
  const { url } = await startTestServer(t)
  const fields = ['Content-Type: a/b', 'X-Request-Id: mine']
  const answer = await putRaw(t, url, { path: '/files/d/f', body: Buffer.from(body), fields })
  const receipt = `{"hash":"${hex}","size":12,"chunks":1,"name":"d/f","type":"a/b","url":"/files/d/f"}`
  const expected = [
    'HTTP/1.1 201 Created',
    'X-Request-Id: mine',
    'X-Content-Type-Options: nosniff',
    'Cross-Origin-Resource-Policy: same-origin',
    'Location: /files/d/f',
    `ETag: "${hex}"`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${receipt.length}`,
    'Date: …',
    'Connection: close',
    '',
    receipt,
  ]
  t.is(answer.replace(/^Date: .+(?=\r$)/m, 'Date: …'), expected.join('\r\n'))
})

/** Lines of the header of an upload, and the type that its name then has. */
const fields: [string, string[], string | undefined][] = [
  ['a Content-Type', ['Content-Type: text/html; charset=utf-8'], 'text/html; charset=utf-8'],
  ['an empty Content-Type', ['Content-Type:'], undefined],
  ['two Content-Types', ['Content-Type: a/b', 'Content-Type: c/d'], 'a/b'],
  ['a type that is none', ['Content-Type: 🙃, "'], Buffer.from('🙃, "').toString('latin1')],
  [
    'a type that is not ASCII',
    ['Content-Type: a/b; c="ü"'],
    Buffer.from('a/b; c="ü"').toString('latin1'),
  ],
  ['a type with tabs', ['Content-Type: a/b;\tc=d'], 'a/b;\tc=d'],
  [
    'a form',
    ['Content-Type: application/x-www-form-urlencoded'],
    'application/x-www-form-urlencoded',
  ],
  [
    'a form of parts',
    ['Content-Type: multipart/form-data; boundary=x'],
    'multipart/form-data; boundary=x',
  ],
  ['JSON', ['Content-Type: application/json'], 'application/json'],
  ['a type of 255 bytes', [`Content-Type: a/${'b'.repeat(253)}`], `a/${'b'.repeat(253)}`],
  ['an Origin', ['Origin: https://other.example', 'Sec-Fetch-Site: cross-site'], undefined],
  ['fields of a read', ['Range: bytes=0-1', 'Accept-Encoding: gzip', 'If-Range: "a"'], undefined],
  [
    'fields of others',
    ['X-Artifact-Tag: a', 'Content-MD5: AAAA', 'Want-Digest: sha-256'],
    undefined,
  ],
  [
    'empty conditions and no coding',
    ['If-Match:', 'If-None-Match:', 'Content-Encoding:'],
    undefined,
  ],
  ['a date that means nothing', ['If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT'], undefined],
  ['a method in its place', ['X-HTTP-Method-Override: DELETE'], undefined],
]
for (const [what, lines, type] of fields) {
  test(`an upload with ${what} is stored, with what it said of itself alone`, async (t) => {
    for (const ttl of [0, 3600]) {
      const { url, store } = await startTestServer(t, { store: { ...SMALL, ttl } })
      const content = bytes(what, 1500)
      const digest = Digest.of(content)
      for (const [path, ref, kept] of [
        ['/files/f?', { name: 'f' }, type],
        [`/blobs/${digest.hex}`, { hash: digest }, undefined],
      ] as const) {
        const answer = await putRaw(t, url, { path, body: content, fields: lines })
        t.regex(answer, /^HTTP\/1\.1 20[01] /)
        const file = await store.find(ref)
        t.like(file, { hash: digest.hex, size: 1500, type: kept, ttl })
        t.deepEqual({ ...file.attributes }, {})
        t.true((await ask(url + path)).body.equals(content))
      }
    }
  })
}

test('nothing of what was there before is left', async (t) => {
  const { url, store } = await startTestServer(t)
  const attributes = { 'content-encoding': 'gzip' }
  await store.put('before', { name: 'f', type: 'a/b', attributes, ttl: 3600 })
  t.is((await ask(`${url}/files/f`, { method: 'PUT', body: 'now' })).status, 200)
  const file = await store.find({ name: 'f' })
  t.like(file, { type: undefined, ttl: 0 })
  t.deepEqual({ ...file.attributes }, {})
  t.is((await ask(`${url}/files/f`)).text, 'now')
})

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
    { headers: { Digest: 'sha-256=' }, reason: 'bad-request' },
    { headers: { Digest: 'md5=AAAA, SHA-256' }, reason: 'bad-request' },
    { headers: { Digest: `sha-256 = ${base64}` }, reason: 'bad-request' },
    { headers: { Digest: `sha-256=${base64}=` }, reason: 'bad-request' },
    { headers: { Digest: `md5=x;sha-256=${other}` }, reason: 'bad-request' },
    { headers: { Digest: `sha-256=${base64}, sha-256=${other}` }, reason: 'digest-mismatch' },
    { headers: { Digest: `id-sha-256=${other}, sha-256-x, sha-2567=y` }, status: 201 },
    { headers: { Digest: '' }, status: 201 },
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

test('a part of a file cannot be put', async (t) => {
  const { url } = await startTestServer(t)
  const headers = { 'Content-Range': 'bytes 0-11/100' }
  const answer = await ask(`${url}/files/f`, { method: 'PUT', headers, body })
  t.is(answer.status, 400)
})
