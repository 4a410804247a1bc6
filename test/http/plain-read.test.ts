import test, { type ExecutionContext } from 'ava'
import { pathOfName } from '../../src/api/paths.ts'
import { FileStore, memory, type PutOptions } from '../../src/index.ts'
import { askBothWays, startCounting, WAYS, type Way } from '../helpers/both-ways.ts'
import { bytes } from '../helpers/bytes.ts'
import { deferred } from '../helpers/deferred.ts'
import { FaultyEngine } from '../helpers/faulty-engine.ts'
import { type Answer, type Ask, ask } from '../helpers/http.ts'
import { NAMES, RAW_PATHS } from '../helpers/names.ts'
import { connectRaw, exchange } from '../helpers/raw-http.ts'
import { startTestServer } from '../helpers/server.ts'

/** Three chunks fit a read, and nine do not. */
const store = { chunkSize: 1000, memory: { total: 8000, perRead: 2500 } }
const HOUR = { ttl: 3600 }

const files: [string, number, PutOptions][] = [
  ['empty', 0, {}],
  ['small', 300, {}],
  ['one whole chunk', 1000, {}],
  ['several chunks', 2400, {}],
  ['larger than the memory for it', 8500, {}],
  ['with a type', 300, { type: 'text/html; charset=utf-8' }],
  ['with a type that is not ASCII', 300, { type: 'text/plain; title="grüße"' }],
  ['with an encoding', 300, { attributes: { 'content-encoding': 'gzip' } }],
  ['with an encoding that cannot be sent', 300, { attributes: { 'content-encoding': 'a\nb' } }],
  ['with other attributes', 300, { attributes: { 'x-artifact-tag': 'a' } }],
  ['with a time to live', 300, HOUR],
  [
    'large, with everything',
    8500,
    { ...HOUR, type: 'a/b', attributes: { 'content-encoding': 'br' } },
  ],
]

const requests: [string, NonNullable<Ask['headers']>][] = [
  ['Want-Digest', { 'Want-Digest': 'sha-256' }],
  ['Want-Repr-Digest of 0', { 'Want-Repr-Digest': 'sha-256=0' }],
  ['Accept-Encoding', { 'Accept-Encoding': 'identity' }],
  ['an Origin', { Origin: 'https://other.example', 'Sec-Fetch-Site': 'cross-site' }],
  ['a Content-Length of 0', { 'Content-Length': 0 }],
  ['an empty condition', { 'If-Match': '' }],
  ['an id of its own', { 'X-Request-Id': 'mine' }],
  ['keep-alive', { Connection: 'keep-alive' }],
]

/** All but what differs from one request to the next. */
function essence({ status, headers, body }: Answer) {
  const { date, 'x-request-id': id, ...rest } = headers
  // The seconds that are left to live; a year is one that does not end.
  const life = rest['cache-control']?.replace(/=\d{1,4},/, '=left,')
  return {
    status,
    headers: { ...rest, 'cache-control': life },
    body: body.toString('hex'),
    id: typeof id,
  }
}

function assertAlike(t: ExecutionContext, { plain, koa }: Record<Way, Answer>, what: string): void {
  t.deepEqual(essence(plain), essence(koa), what)
  t.truthy(plain.headers.date)
}

for (const [what, size, options] of files) {
  test(`a file ${what} is answered alike with and without Koa`, async (t) => {
    const server = await startTestServer(t, { store })
    const content = bytes(what, size)
    const { hash } = await server.store.put(content, { name: 'f', ...options })
    for (const path of ['/files/f', `/blobs/${hash}`]) {
      const answers = await askBothWays(server.url + path)
      assertAlike(t, answers, path)
      const headers = { 'If-None-Match': '"other"' }
      const conditional = await ask(server.url + path, { headers })
      assertAlike(t, { ...answers, koa: conditional }, `${path}, with a condition that holds`)
      t.is(answers.plain.status, 200)
      t.deepEqual(answers.plain.body, content)
      const { etag, 'last-modified': modified, 'content-length': length } = answers.plain.headers
      t.is(etag, `"${hash}"`)
      t.is(modified !== undefined, path === '/files/f')
      t.is(length, String(size))
    }
    t.is(server.store.memoryUsage.used, 0)
  })
}

test('a name is the same with and without Koa, whatever characters it has', async (t) => {
  const server = await startTestServer(t)
  for (const name of NAMES) {
    await server.store.put(`this is ${name}`, { name })
    const answers = await askBothWays(server.url + pathOfName(name))
    assertAlike(t, answers, name)
    t.is(answers.plain.status, 200, name)
    t.is(answers.plain.text, `this is ${name}`)
  }
  for (const [path, name] of RAW_PATHS) {
    await server.store.put(`this is ${name}`, { name })
    const answers = await askBothWays(server.url + path)
    assertAlike(t, answers, path)
    t.is(answers.plain.text, `this is ${name}`)
  }
})

for (const [what, headers] of requests) {
  test(`a request with ${what} is answered alike with and without Koa`, async (t) => {
    const server = await startTestServer(t, { store })
    for (const size of [300, 8500]) {
      const { hash } = await server.store.put(bytes(what, size), { name: 'f' })
      for (const path of ['/files/f', `/blobs/${hash}`]) {
        const answers = await askBothWays(server.url + path, headers)
        assertAlike(t, answers, path)
        t.is(answers.plain.status, 200)
        const { 'X-Request-Id': id } = headers as { 'X-Request-Id'?: string }
        if (id !== undefined) t.is(answers.plain.headers['x-request-id'], id)
      }
    }
  })
}

const content = Buffer.from('content')
const HASH = 'ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73'

/** What is asked for, whether Koa is needed for it, and what comes back. */
const table: [string, Ask & { path: string }, boolean, number, string][] = [
  ['GET by name', { path: '/files/f' }, false, 200, 'content'],
  ['GET by hash', { path: `/blobs/${HASH}` }, false, 200, 'content'],
  ['a miss', { path: '/files/none' }, true, 404, ''],
  ['HEAD', { path: '/files/f', method: 'HEAD' }, true, 200, ''],
  ['a range', { path: '/files/f', headers: { Range: 'bytes=1-3' } }, true, 206, 'ont'],
  ['a range of none', { path: '/files/f', headers: { Range: 'bytes=9-' } }, true, 416, ''],
  ['a query', { path: '/files/f?verify=stream' }, true, 200, 'content'],
  ['an empty query', { path: '/files/f?' }, true, 200, 'content'],
  [
    'a body',
    { path: '/files/f', body: 'x', headers: { 'Content-Length': 1 } },
    true,
    200,
    'content',
  ],
  ['a condition', { path: '/files/f', headers: { 'If-None-Match': `"${HASH}"` } }, true, 304, ''],
  ['one that fails', { path: '/files/f', headers: { 'If-Match': '"no"' } }, true, 412, ''],
  ['a date', { path: '/files/f', headers: { 'If-Modified-Since': tomorrow() } }, true, 304, ''],
  [
    'an expectation',
    { path: '/files/f', headers: { Expect: '100-continue' } },
    true,
    200,
    'content',
  ],
  ['a long URL', { path: `/files/${'f'.repeat(8192)}` }, true, 414, ''],
  ['a hash in capitals', { path: `/blobs/${HASH.toUpperCase()}` }, true, 400, ''],
  ['another route', { path: '/healthz' }, true, 200, ''],
  ['a link', { path: '/files' }, true, 405, ''],
]

function tomorrow(): string {
  return new Date(Date.now() + 86_400_000).toUTCString()
}

for (const [what, { path, ...request }, needsKoa, status, body] of table) {
  test(`${what} is answered ${needsKoa ? 'by' : 'without'} Koa`, async (t) => {
    const store = new FileStore(memory())
    await store.put(content, { name: 'f' })
    const { url, seenByKoa } = await startCounting(t, store)
    const answer = await ask(url + path, request)
    t.is(answer.status, status)
    if (body !== '') t.is(answer.text, body)
    t.is(seenByKoa(), needsKoa ? 1 : 0)
  })
}

test('the head is written alike with and without Koa, to clients of HTTP/1.0 and 1.1', async (t) => {
  const server = await startTestServer(t, { store })
  for (const size of [0, 300, 8500]) {
    const { hash } = await server.store.put(bytes(1, size), { name: 'f', type: 'text/plain' })
    for (const path of ['/files/f', `/blobs/${hash}`]) {
      for (const version of ['1.0', '1.1']) {
        const lines = async (way: Way) => {
          const line = `GET ${path}${WAYS[way]} HTTP/${version}`
          const answer = await exchange(t, server.url, line, 'Host: x', 'Connection: close', '', '')
          const at = answer.indexOf('\r\n\r\n')
          const [head, body] = [answer.slice(0, at), answer.slice(at + 4)]
          const fields = head
            .split('\r\n')
            .map((field) => field.replace(/^(Date|X-Request-Id):.*/, '$1'))
          return { status: fields[0], fields: fields.sort(), body }
        }
        const plain = await lines('plain')
        t.deepEqual(plain, await lines('koa'))
        t.is(plain.status, 'HTTP/1.1 200 OK')
        t.is(plain.body.length, size)
      }
    }
  }
})

test('an answer under way when the server stops is the last one on its connection, both ways', async (t) => {
  const engine = new FaultyEngine(memory())
  const server = await startTestServer(t, { engine, store })
  await server.store.put(content, { name: 'f' })
  for (const path of ['/files/f', '/files/f?']) {
    const client = await connectRaw(t, server.url)
    client.send(`GET ${path} HTTP/1.1`, 'Host: x', '', '')
    await client.until(/^HTTP\/1\.1 200 OK\r\n.*Connection: keep-alive\r\n.*content$/s)
  }
  const [gate, asked] = [deferred(), deferred()]
  let gets = 0
  engine.get = async (key, prove, options) => {
    if (++gets === 3) asked.resolve() // Without Koa the chunk is asked for as well.
    await gate.promise
    return engine.inner.get(key, prove, options)
  }
  const clients = [await connectRaw(t, server.url), await connectRaw(t, server.url)]
  clients[0]!.send('GET /files/f HTTP/1.1', 'Host: x', '', '')
  clients[1]!.send('GET /files/f? HTTP/1.1', 'Host: x', '', '')
  await asked.promise
  const closed = server.close()
  gate.resolve()
  for (const client of clients) {
    const answer = await client.closed()
    t.regex(answer, /^HTTP\/1\.1 200 OK\r\n.*Connection: close\r\n.*content$/s)
  }
  await closed
})
