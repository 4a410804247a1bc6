import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { memory } from '../../src/index.ts'
import {
  bothWays,
  putRaw,
  type RawUpload,
  rawPut,
  WAYS,
  type Way,
  withoutDateAndId,
} from '../helpers/both-ways.ts'
import { bytes } from '../helpers/bytes.ts'
import { FaultyEngine, follow } from '../helpers/faulty-engine.ts'
import { ask } from '../helpers/http.ts'
import { connectRaw, parseAnswer } from '../helpers/raw-http.ts'
import { memoryIsFree, startTestServer, type TestServerOptions } from '../helpers/server.ts'
import { access, large, several, small, store, ZEROS } from './plain-uploads.ts'

/** Long enough for a slow machine to be seen to make progress. */
const IDLE_MS = 600

for (const [what, framing, length] of [
  ['before its first byte', {}, 0],
  ['in its first chunk', {}, 500],
  ['after some chunks', {}, 2100],
  ['before its first byte, chunked', { chunked: 600 }, 0],
  ['after some chunks, chunked', { chunked: 600 }, 2000],
] as const) {
  test(`a body that stops ${what} is 408 with and without Koa, and frees its memory`, async (t) => {
    const { plain, koa } = await bothWays(async (way) => {
      const engine = new FaultyEngine(memory())
      const calls = follow(engine)
      const server = await startTestServer(t, { engine, store, idleTimeoutMs: IDLE_MS })
      const client = await connectRaw(t, server.url)
      const sent = rawPut(way, { path: '/files/f', body: several, ...framing })
      client.socket.write(sent.subarray(0, sent.indexOf('\r\n\r\n') + 4 + length))
      const answer = withoutDateAndId(await client.closed())
      t.is(server.store.memoryUsage.used, 0)
      t.is((await ask(`${server.url}/files/f`)).status, 404)
      return { answer, calls }
    })
    t.deepEqual(plain, koa)
    const { status, head, body } = parseAnswer(plain.answer)
    t.is(status, 408)
    t.like(JSON.parse(body), { reason: 'request-timeout' })
    t.regex(head, /^Connection: close\r$/m)
  })
}

test('an upload that is idle leaves room for others, with and without Koa', async (t) => {
  await bothWays(async (way) => {
    const { url } = await startTestServer(t, { store, maxUploads: 1, idleTimeoutMs: IDLE_MS })
    const client = await connectRaw(t, url)
    client.socket.write(rawPut(way, { path: '/files/f', body: small }).subarray(0, -100))
    t.regex(await client.closed(), /^HTTP\/1\.1 408 /)
    t.is(parseAnswer(await putRaw(t, url, way, { path: '/files/f', body: small })).status, 201)
  })
})

test('a chunked body that is none is told alike with and without Koa', async (t) => {
  for (const start of ['', `3e8\r\n${'x'.repeat(1000)}\r\n`, '64\r\nnot as long']) {
    const { plain, koa } = await bothWays(async (way) => {
      const server = await startTestServer(t, { store })
      const client = await connectRaw(t, server.url)
      const head = [`PUT /files/f${WAYS[way]} HTTP/1.1`, 'Host: x', 'Transfer-Encoding: chunked']
      client.send(...head, '', start)
      await sleep(20)
      client.send(`${'z'.repeat(200)}\r\n`)
      const answer = withoutDateAndId(await client.closed())
      t.is((await ask(`${server.url}/files/f`)).status, 404)
      await memoryIsFree(server)
      return answer
    })
    t.is(plain, koa)
    t.is(parseAnswer(plain).status, 400)
  }
})

const refused: [string, RawUpload, TestServerOptions, number][] = [
  ['a bad name', { path: '/files/%00', body: large }, {}, 400],
  ['no name', { path: '/files/%zz', body: large, chunked: 1000 }, {}, 400],
  ['a wrong hash', { path: ZEROS, body: several }, {}, 400],
  ['a type that is too long', typed('x'.repeat(256)), {}, 400],
  ['a length that is too large', { path: '/files/f', body: bytes('long', 300_000) }, {}, 413],
  [
    'a file that is too large',
    { path: '/files/f', body: bytes(1, 300_000), chunked: 5000 },
    {},
    413,
  ],
  ['no token', { path: '/files/f', body: large }, { access }, 401],
]

function typed(type: string): RawUpload {
  return { path: '/files/f', body: several, fields: [`Content-Type: ${type}`] }
}

/** What is sent of an upload at first, and the rest: half of its body. */
function halves(way: Way, upload: RawUpload): [Buffer, Buffer] {
  const sent = rawPut(way, upload)
  const half = sent.length - Math.floor(upload.body.length / 2)
  return [sent.subarray(0, half), sent.subarray(half)]
}

for (const [what, upload, options, status] of refused) {
  test(`a connection stays usable after ${what}, with and without Koa`, async (t) => {
    const { plain, koa } = await bothWays(async (way) => {
      const { url } = await startTestServer(t, { store, ...options })
      const client = await connectRaw(t, url)
      const [first, rest] = halves(way, upload)
      client.socket.write(first)
      await sleep(50) // So that the answer may come before the rest.
      client.socket.write(rest)
      client.send(`GET /healthz HTTP/1.1`, 'Host: x', '', '')
      await client.until(/\r\n\r\nHTTP\/1\.1 200 |}HTTP\/1\.1 200 .*\r\n\r\n/s)
      client.received = ''
      client.socket.write(rawPut(way, { path: '/files/after', body: small }))
      await client.until(/^HTTP\/1\.1 \d+ .*}$/s)
      t.regex(client.received, status === 401 ? /^HTTP\/1\.1 401 / : /^HTTP\/1\.1 201 /)
      return withoutDateAndId(client.received)
    })
    t.is(plain, koa)
  })

  if (what === 'a wrong hash') continue // That shows at the end alone.
  test(`what is told of ${what} while the body still comes is the same with and without Koa`, async (t) => {
    const { plain, koa } = await bothWays(async (way) => {
      const { url } = await startTestServer(t, { store, ...options })
      const client = await connectRaw(t, url)
      const [first, rest] = halves(way, upload)
      client.socket.write(first)
      await client.until(/^HTTP\/1\.1 \d+ .*}$/s)
      const answer = client.received
      client.socket.write(rest)
      client.send('GET /files/none HTTP/1.1', 'Host: x', '', '')
      await client.until(/}HTTP\/1\.1 \d+ .*}$/s)
      return { answer: withoutDateAndId(answer), all: withoutDateAndId(client.received) }
    })
    t.deepEqual(plain, koa)
    t.is(parseAnswer(plain.answer).status, status)
  })
}

test('what a client goes on sending without an end is cut off, with and without Koa', async (t) => {
  await bothWays(async (way) => {
    const { url } = await startTestServer(t, { store })
    const client = await connectRaw(t, url)
    const head = [`PUT /files/%00${WAYS[way]} HTTP/1.1`, 'Host: x', `Content-Length: ${2 ** 31}`]
    client.send(...head, '', '')
    await client.until(/^HTTP\/1\.1 400 /)
    const piece = Buffer.alloc(1024 * 1024)
    const drained = () => new Promise((resolve) => client.socket.once('drain', resolve))
    const sending = (async () => {
      for (let sent = 0; sent < 200 && !client.isClosed; sent++) {
        if (!client.socket.write(piece)) await Promise.race([drained(), client.closed()])
      }
    })()
    await client.closed()
    await sending
    t.true(client.socket.bytesWritten < 150 * 1024 * 1024)
  })
})
