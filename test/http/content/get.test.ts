import test from 'ava'
import type { PutOptions } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { type Ask, ask } from '../../helpers/http.ts'
import { exchange } from '../../helpers/raw-http.ts'
import { startTestServer } from '../../helpers/server.ts'

/** Three chunks fit a read, and nine do not. */
const store = { chunkSize: 1000, memory: { total: 8000, perRead: 2500 } }
const HOUR = { ttl: 3600 }
const UNTYPED = 'application/octet-stream'

/** A file, and what the headers of an answer by name and of one by hash say of it. */
const files: [string, number, PutOptions, { type?: string; encoding?: string; age?: RegExp }][] = [
  ['empty', 0, {}, {}],
  ['small', 300, {}, {}],
  ['of one whole chunk', 1000, {}, {}],
  ['of several chunks', 2400, {}, {}],
  ['larger than the memory for it', 8500, {}, {}],
  ['with a type', 300, { type: 'text/html; charset=utf-8' }, { type: 'text/html; charset=utf-8' }],
  [
    'with a type that is not ASCII',
    300,
    { type: 'text/plain; title="grüße"' },
    { type: 'text/plain; title="grüße"' },
  ],
  ['with an encoding', 300, { attributes: { 'content-encoding': 'gzip' } }, { encoding: 'gzip' }],
  ['with an encoding no header can carry', 300, { attributes: { 'content-encoding': 'a\nb' } }, {}],
  ['with other attributes', 300, { attributes: { 'x-artifact-tag': 'a' } }, {}],
  ['with a time to live', 300, HOUR, { age: /^max-age=3[56]\d\d, immutable$/ }],
  [
    'large, with everything',
    8500,
    { ...HOUR, type: 'a/b', attributes: { 'content-encoding': 'br' } },
    { type: 'a/b', encoding: 'br', age: /^max-age=3[56]\d\d, immutable$/ },
  ],
]

for (const [what, size, options, { type = UNTYPED, encoding, age }] of files) {
  test(`a file ${what} is answered whole, by name and by hash, with a condition too`, async (t) => {
    const server = await startTestServer(t, { store })
    const content = bytes(what, size)
    const { hash } = await server.store.put(content, { name: 'f', ...options })
    const modified = (await server.store.find({ name: 'f' })).storedAt.toUTCString()
    for (const headers of [{}, { 'If-None-Match': '"other"' }]) {
      const byName = await ask(`${server.url}/files/f`, { headers })
      const byHash = await ask(`${server.url}/blobs/${hash}`, { headers })
      const common = {
        'content-length': String(size),
        etag: `"${hash}"`,
        'repr-digest': `sha-256=:${Buffer.from(hash, 'hex').toString('base64')}:`,
        'x-artifact-tag': undefined,
      }
      const described = { 'content-type': type, 'content-encoding': encoding }
      t.like(byName.headers, { ...common, ...described, 'last-modified': modified })
      t.is(byName.headers['cache-control'], 'no-cache')
      const plain = { 'content-type': UNTYPED, 'content-encoding': undefined }
      t.like(byHash.headers, { ...common, ...plain, 'last-modified': undefined })
      t.regex(byHash.headers['cache-control']!, age ?? /^max-age=31536000, immutable$/)
      for (const answer of [byName, byHash]) {
        t.is(answer.status, 200)
        t.deepEqual(answer.body, content)
        t.truthy(answer.headers.date)
      }
    }
    t.is(server.store.memoryUsage.used, 0)
  })
}

const harmless: [string, Ask & { query?: string }][] = [
  ['an empty query', { query: '?' }],
  ['a body', { body: 'x', headers: { 'Content-Length': 1 } }],
  ['a Content-Length of 0', { headers: { 'Content-Length': 0 } }],
  ['an expectation', { headers: { Expect: '100-continue' } }],
  ['Accept-Encoding', { headers: { 'Accept-Encoding': 'identity' } }],
  ['keep-alive', { headers: { Connection: 'keep-alive' } }],
  ['an Origin', { headers: { Origin: 'https://other.example', 'Sec-Fetch-Site': 'cross-site' } }],
]
for (const [what, { query = '', ...request }] of harmless) {
  test(`a read with ${what} is answered as any other`, async (t) => {
    const server = await startTestServer(t, { store })
    for (const size of [300, 8500]) {
      const content = bytes(what, size)
      const { hash } = await server.store.put(content, { name: 'f' })
      for (const path of ['/files/f', `/blobs/${hash}`]) {
        const answer = await ask(server.url + path + query, request)
        t.is(answer.status, 200, path)
        t.deepEqual(answer.body, content)
      }
    }
  })
}

test('an answer is these bytes, to clients of HTTP/1.0 and 1.1', async (t) => {
  const server = await startTestServer(t, { store })
  for (const size of [0, 300, 8500]) {
    const content = bytes(1, size)
    const { hash } = await server.store.put(content, { name: 'f', type: 'text/plain' })
    const base64 = Buffer.from(hash, 'hex').toString('base64')
    for (const version of ['1.0', '1.1']) {
      for (const [path, type, caching] of [
        ['/files/f', 'text/plain', ['Cache-Control: no-cache']],
        [`/blobs/${hash}`, UNTYPED, ['Cache-Control: max-age=31536000, immutable']],
      ] as const) {
        const line = `GET ${path} HTTP/${version}`
        const answer = await exchange(t, server.url, line, 'Host: x', 'Connection: close', '', '')
        const expected = [
          'HTTP/1.1 200 OK',
          'X-Request-Id: …',
          `ETag: "${hash}"`,
          ...caching,
          'X-Content-Type-Options: nosniff',
          'Content-Security-Policy: sandbox',
          ...(path === '/files/f' ? ['Last-Modified: …'] : []),
          'Accept-Ranges: bytes',
          'Cache-Status: blobcached; hit',
          `Repr-Digest: sha-256=:${base64}:`,
          `Content-Type: ${type}`,
          `Content-Length: ${size}`,
          'Date: …',
          'Connection: close',
          '',
          content.toString('latin1'),
        ]
        const varying = /^(X-Request-Id|Last-Modified|Date): .+(?=\r$)/gm
        t.is(answer.replace(varying, '$1: …'), expected.join('\r\n'))
      }
    }
  }
})
