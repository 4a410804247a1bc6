import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { pathOfName } from '../../src/api/paths.ts'
import { Digest, type FileRef, FileStore, type FileStoreOptions, memory } from '../../src/index.ts'
import {
  bothWays,
  putRaw,
  type RawUpload,
  rawPut,
  startCounting,
  WAYS,
  type Way,
  ways,
  withoutDateAndId,
} from '../helpers/both-ways.ts'
import { bytes } from '../helpers/bytes.ts'
import { type Ask, ask } from '../helpers/http.ts'
import { NAMES, RAW_PATHS } from '../helpers/names.ts'
import { connectRaw, parseAnswer } from '../helpers/raw-http.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { byHash } from './plain-uploads.ts'

/** Two chunks at once for an upload, so that more of them have to wait. */
const store = { chunkSize: 1000, memory: { total: 8000, perRead: 2500 } }
const HOUR = { ttl: 3600 }

/** What there is to know of a stored file. */
async function stored({ store, url }: TestServer, ref: FileRef, path: string) {
  const { hash, size, name, type, ttl, attributes, manifest } = await store.find(ref)
  const { status, body } = await ask(url + path)
  return {
    file: {
      hash,
      size,
      name,
      type,
      ttl,
      attributes: { ...attributes },
      chunkSize: manifest?.chunkSize,
    },
    status,
    body,
  }
}

/** Puts it twice on a server of its own; what came back, and what is there then. */
async function putTwice(
  t: ExecutionContext,
  way: Way,
  upload: RawUpload,
  ref: FileRef,
  options: FileStoreOptions = store,
) {
  const server = await startTestServer(t, { store: options })
  const answers = [
    await putRaw(t, server.url, way, upload),
    await putRaw(t, server.url, way, upload),
  ]
  t.is(server.store.memoryUsage.used, 0)
  return { answers, stored: await stored(server, ref, upload.path) }
}

/** Expects the same to come of it both ways: 201 and 200, the receipt and the file. */
async function assertAlike(
  t: ExecutionContext,
  upload: RawUpload,
  ref: FileRef,
  options: FileStoreOptions = store,
) {
  const { plain, koa } = await bothWays((way) => putTwice(t, way, upload, ref, options))
  t.deepEqual(plain, koa, upload.path)
  t.regex(plain.answers[0]!, /^HTTP\/1\.1 201 Created\r\n/)
  t.regex(plain.answers[1]!, /^HTTP\/1\.1 200 OK\r\n/)
  t.true(plain.stored.body.equals(upload.body))
  const receipt = JSON.parse(parseAnswer(plain.answers[0]!).body) as object
  t.like(receipt, { hash: Digest.of(upload.body).hex, size: upload.body.length })
  return plain.stored.file
}

const sizes: [string, number][] = [
  ['one byte', 1],
  ['a small body', 300],
  ['one whole chunk', 1000],
  ['a byte more than a chunk', 1001],
  ['several chunks', 2400],
  ['more than the memory for it', 8500],
  ['much more than the memory for it', 100_000],
]
const framings: [string, Partial<RawUpload>][] = [
  ['with Content-Length', {}],
  ['with Content-Length, HTTP/1.0', { version: '1.0' }],
  ['chunked', { chunked: 700 }],
  ['in one chunk', { chunked: 1_000_000 }],
]

for (const [what, size] of sizes) {
  for (const [how, framing] of framings) {
    test(`${what} ${how} is stored and answered alike with and without Koa`, async (t) => {
      const body = bytes(what, size)
      await assertAlike(t, { path: '/files/f', body, ...framing }, { name: 'f' })
      await assertAlike(t, { path: byHash(body), body, ...framing }, { hash: Digest.of(body) })
    })
  }
}

test('a body in chunks of one byte is stored and answered alike with and without Koa', async (t) => {
  const body = bytes('bytes', 1200)
  await assertAlike(t, { path: '/files/f', body, chunked: 1 }, { name: 'f' })
})

test('a chunked body without a byte is stored and answered alike with and without Koa', async (t) => {
  const body = Buffer.alloc(0)
  await assertAlike(t, { path: '/files/f', body, chunked: 1 }, { name: 'f' })
  await assertAlike(t, { path: byHash(body), body, chunked: 1 }, { hash: Digest.of(body) })
})

test('chunks as large as usual are stored and answered alike with and without Koa', async (t) => {
  const body = bytes('usual', 3_000_000)
  for (const framing of [{}, { chunked: 100_000 }]) {
    await assertAlike(t, { path: '/files/f', body, ...framing }, { name: 'f' }, {})
  }
})

const fields: [string, string[], string | undefined][] = [
  ['a Content-Type', ['Content-Type: text/html; charset=utf-8'], 'text/html; charset=utf-8'],
  ['an empty Content-Type', ['Content-Type:'], undefined],
  ['two Content-Types', ['Content-Type: a/b', 'Content-Type: c/d'], 'a/b'],
  ['a type that is none', ['Content-Type: 🙃, "'], Buffer.from('🙃, "').toString('latin1')],
  ['a type that is not ASCII', ['Content-Type: text/plain; title="grüße"'], undefined],
  ['a type with tabs', ['Content-Type: a/b;\tc=d'], 'a/b;\tc=d'],
  ['a form', ['Content-Type: application/x-www-form-urlencoded'], undefined],
  ['a form of several parts', ['Content-Type: multipart/form-data; boundary=x'], undefined],
  ['JSON', ['Content-Type: application/json'], 'application/json'],
  ['a type of 255 bytes', [`Content-Type: a/${'b'.repeat(253)}`], `a/${'b'.repeat(253)}`],
  ['an Origin', ['Origin: https://other.example', 'Sec-Fetch-Site: cross-site'], undefined],
  ['an id of its own', ['X-Request-Id: mine'], undefined],
  ['fields of a read', ['Range: bytes=0-1', 'Accept-Encoding: gzip', 'If-Range: "a"'], undefined],
  [
    'fields of others',
    ['X-Artifact-Tag: a', 'Content-MD5: AAAA', 'Want-Digest: sha-256'],
    undefined,
  ],
  ['an empty condition', ['If-Match:', 'If-None-Match:'], undefined],
  ['a method in its place', ['X-HTTP-Method-Override: DELETE'], undefined],
]

for (const [what, lines, type] of fields) {
  test(`an upload with ${what} is stored and answered alike with and without Koa`, async (t) => {
    const body = bytes(what, 1500)
    const text = lines.map((line) => Buffer.from(line).toString('latin1'))
    for (const options of [store, { ...store, ...HOUR }]) {
      const upload = { path: '/files/f', body, fields: text }
      const file = await assertAlike(t, upload, { name: 'f' }, options)
      if (type !== undefined) t.is(file.type, type)
      t.deepEqual(file.attributes, {})
      t.is(file.ttl, options === store ? 0 : 3600)
      const other = { path: byHash(body), body, fields: text }
      t.is((await assertAlike(t, other, { hash: Digest.of(body) }, options)).type, undefined)
    }
  })
}

test('an id that the client gave is in the answer to an upload', async (t) => {
  const { url } = await startTestServer(t)
  const headers = { 'X-Request-Id': 'mine' }
  for (const way of ways) {
    const answer = await ask(`${url}/files/f${WAYS[way]}`, { method: 'PUT', headers, body: 'x' })
    t.is(answer.headers['x-request-id'], 'mine')
  }
})

test('an upload has the same name with and without Koa, whatever characters it has', async (t) => {
  const servers = await bothWays(() => startTestServer(t))
  const paths = NAMES.map((name): [string, string] => [pathOfName(name), name])
  for (const [path, name] of [...paths, ...RAW_PATHS]) {
    const body = Buffer.from(`this is ${path}`)
    const { plain, koa } = await bothWays(async (way) => ({
      answer: await putRaw(t, servers[way].url, way, { path, body }),
      stored: await stored(servers[way], { name }, pathOfName(name)),
    }))
    t.deepEqual(plain, koa, path)
    t.regex(plain.answer, /^HTTP\/1\.1 20[01] /, path)
    t.true(plain.stored.body.equals(body), path)
  }
})

test('what was there before is replaced alike with and without Koa', async (t) => {
  const { plain, koa } = await bothWays(async (way) => {
    const server = await startTestServer(t, { store })
    const attributes = { 'content-encoding': 'gzip' }
    await server.store.put('before', { name: 'f', type: 'a/b', attributes, ...HOUR })
    const answer = await putRaw(t, server.url, way, { path: '/files/f', body: Buffer.from('now') })
    return { answer, stored: await stored(server, { name: 'f' }, '/files/f') }
  })
  t.deepEqual(plain, koa)
  t.regex(plain.answer, /^HTTP\/1\.1 200 OK\r\n/)
  t.is(plain.stored.body.toString(), 'now')
  t.like(plain.stored.file, { type: undefined, ttl: 0, attributes: {} })
})

const content = Buffer.from('content')
const HASH = 'ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73'
const BASE64 = Buffer.from(HASH, 'hex').toString('base64')

/** What is sent, whether Koa is needed for it, and the status that comes back. */
const table: [string, Ask & { path: string }, boolean, number][] = [
  ['PUT by name', { path: '/files/f' }, false, 201],
  ['PUT by hash', { path: `/blobs/${HASH}` }, false, 201],
  ['PUT of what is there', { path: '/files/there' }, false, 200],
  [
    'PUT with a chunked body',
    { path: '/files/f', headers: { 'Transfer-Encoding': 'chunked' } },
    false,
    201,
  ],
  [
    'PUT with a type, an Origin and a token',
    { path: '/files/f', headers: { 'Content-Type': 'a/b', Origin: 'x', Authorization: 'y' } },
    false,
    201,
  ],
  ['a wrong hash', { path: `/blobs/${'0'.repeat(64)}` }, true, 400],
  ['a bad name', { path: '/files/%00' }, true, 400],
  ['a query', { path: '/files/f?ttl=60' }, true, 201],
  ['an empty query', { path: '/files/f?' }, true, 201],
  ['a link', { path: `/files/f?from=${Digest.of(Buffer.from('there')).hex}` }, true, 400],
  ['If-None-Match', { path: '/files/f', headers: { 'If-None-Match': '*' } }, true, 201],
  ['If-Match', { path: '/files/f', headers: { 'If-Match': '"no"' } }, true, 412],
  [
    'If-Unmodified-Since',
    { path: '/files/there', headers: { 'If-Unmodified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT' } },
    true,
    412,
  ],
  [
    'If-Modified-Since',
    { path: '/files/f', headers: { 'If-Modified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT' } },
    true,
    201,
  ],
  ['an expectation', { path: '/files/f', headers: { Expect: '100-continue' } }, true, 201],
  ['Content-Range', { path: '/files/f', headers: { 'Content-Range': 'bytes 0-6/7' } }, true, 400],
  ['Content-Encoding', { path: '/files/f', headers: { 'Content-Encoding': 'gzip' } }, true, 201],
  [
    'Content-Encoding identity',
    { path: '/files/f', headers: { 'Content-Encoding': 'identity' } },
    true,
    201,
  ],
  [
    'an empty Content-Encoding',
    { path: '/files/f', headers: { 'Content-Encoding': '' } },
    true,
    201,
  ],
  [
    'Repr-Digest',
    { path: '/files/f', headers: { 'Repr-Digest': `sha-256=:${BASE64}:` } },
    true,
    201,
  ],
  [
    'Content-Digest',
    { path: '/files/f', headers: { 'Content-Digest': `sha-256=:${BASE64}:` } },
    true,
    201,
  ],
  ['Digest', { path: '/files/f', headers: { Digest: `SHA-256=${BASE64}` } }, true, 201],
  [
    'a Repr-Digest that is wrong',
    { path: '/files/f', headers: { 'Repr-Digest': `sha-256=:${'A'.repeat(43)}=:` } },
    true,
    400,
  ],
  [
    'a body without a byte',
    { path: '/files/f', headers: { 'Content-Length': 0 }, body: '' },
    true,
    201,
  ],
  ['POST', { path: '/files/f', method: 'POST' }, true, 201],
  ['DELETE', { path: '/files/there', method: 'DELETE', body: '' }, true, 204],
  ['a hash in capitals', { path: `/blobs/${HASH.toUpperCase()}` }, true, 400],
  ['what is no hash', { path: '/blobs/f' }, true, 400],
  ['a long URL', { path: `/files/${'f'.repeat(8192)}` }, true, 414],
  ['another route', { path: `/cas/${HASH}` }, true, 201],
  ['no route', { path: '/nowhere' }, true, 404],
  ['a name without characters', { path: '/files/' }, true, 405],
]

for (const [what, { path, ...request }, needsKoa, status] of table) {
  test(`${what} is answered ${needsKoa ? 'by' : 'without'} Koa`, async (t) => {
    const store = new FileStore(memory())
    await store.put('there', { name: 'there' })
    const { url, seenByKoa } = await startCounting(t, store)
    const answer = await ask(url + path, { method: 'PUT', body: content, ...request })
    t.is(answer.status, status)
    t.is(seenByKoa(), needsKoa ? 1 : 0)
  })
}

test('a body that comes piece by piece is stored and answered alike with and without Koa', async (t) => {
  const body = bytes('pieces', 4000)
  const { plain, koa } = await bothWays(async (way) => {
    const server = await startTestServer(t, { store })
    const client = await connectRaw(t, server.url)
    const sent = rawPut(way, {
      path: '/files/f',
      body,
      chunked: 900,
      fields: ['Connection: close'],
    })
    for (let at = 0; at < sent.length; at += 211) {
      client.socket.write(sent.subarray(at, at + 211))
      await sleep(1)
    }
    const answer = withoutDateAndId(await client.closed())
    return { answer, stored: await stored(server, { name: 'f' }, '/files/f') }
  })
  t.deepEqual(plain, koa)
  t.true(plain.stored.body.equals(body))
})

/** The uploads that one connection carries, the last of which ends it, and the answers to them. */
const several = (way: Way) =>
  ['a', 'b', 'a', 'c'].map((name, index) => {
    const body = bytes(index, [300, 2400, 1, 8500][index]!)
    const upload = { path: `/files/${name}`, body, ...(index === 1 && { chunked: 500 }) }
    return { name, body, raw: (fields: string[]) => rawPut(way, { ...upload, fields }) }
  })

test('uploads that are sent in one go are answered in order, alike with and without Koa', async (t) => {
  const { plain, koa } = await bothWays(async (way) => {
    const { url, store: files } = await startTestServer(t, { store })
    const [first, second] = several(way)
    const client = await connectRaw(t, url)
    client.socket.write(Buffer.concat([first!.raw([]), second!.raw(['Connection: close'])]))
    const answers = withoutDateAndId(await client.closed())
    for (const { name, body } of [first!, second!]) {
      t.true((await ask(`${url}/files/${name}`)).body.equals(body), name)
    }
    t.is(files.memoryUsage.used, 0)
    return answers
  })
  t.is(plain, koa)
  t.regex(plain, /^HTTP\/1\.1 201 .*"name":"a".*HTTP\/1\.1 201 .*"name":"b"[^}]*}$/s)
})

test('uploads one after the other over one connection are answered alike with and without Koa', async (t) => {
  const { plain, koa } = await bothWays(async (way) => {
    const { url, store: files } = await startTestServer(t, { store })
    const client = await connectRaw(t, url)
    let all = ''
    for (let round = 0; round < 10; round++) {
      for (const { name, raw } of several(way)) {
        client.received = ''
        client.socket.write(raw([]))
        await client.until(/^HTTP\/1\.1 20[01] .*\r\n\r\n{[^}]*}$/s)
        t.true(client.received.includes(`"name":"${name}"`))
        all += withoutDateAndId(client.received)
      }
    }
    t.is(client.isClosed, false)
    t.is(files.memoryUsage.used, 0)
    t.true((await ask(`${url}/files/c`)).body.equals(several(way)[3]!.body))
    return all
  })
  t.is(plain, koa)
})
