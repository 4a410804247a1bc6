import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { type FileStore, memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine, type Hold, hold } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { KeptLog } from '../../helpers/kept-log.ts'
import { expectSamples } from '../../helpers/metrics.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { connectRaw } from '../../helpers/raw-http.ts'
import { type RawUpload, rawPut } from '../../helpers/raw-upload.ts'
import { memoryIsFree, nextClosed, startTestServer } from '../../helpers/server.ts'
import { until } from '../../helpers/watchdog.ts'

const content = bytes('aborted', 50_000)

for (const [how, end] of [
  ['is reset', 'reset'],
  ['ends', 'end'],
] as const) {
  for (const framing of ['Content-Length: 50000', 'Transfer-Encoding: chunked']) {
    // The server fails the test when it is told of an error.
    test(`invariant 4: a connection that ${how} in the middle of a body (${framing}) leaves nothing`, async (t) => {
      const server = await startTestServer(t, { store: { chunkSize: 1000 } })
      await ask(`${server.url}/files/kept`, { method: 'PUT', body: 'kept' })
      for (const sent of [0, 1, 999, 1000, 25_000, 49_999]) {
        for (const name of ['fresh', 'kept']) {
          const client = await connectRaw(t, server.url)
          client.send(`PUT /files/${name} HTTP/1.1`, 'Host: a', framing, '', '')
          const body = content.subarray(0, sent)
          if (framing.startsWith('Transfer') && sent > 0) {
            client.socket.write(`${sent.toString(16)}\r\n`)
          }
          client.socket.write(body)
          await sleep(5)
          if (end === 'reset') client.socket.resetAndDestroy()
          else client.socket.end()
          await client.closed()
        }
        await memoryIsFree(server)
        assertProblem(t, await ask(`${server.url}/files/fresh`), 404, 'not-found')
        t.is((await ask(`${server.url}/files/kept`)).text, 'kept')
      }
    })
  }
}

const large = bytes('large', 8500)

interface Leaving {
  /** What the engine holds back until the client is gone. Default: nothing. */
  held?: Hold
  /** Bytes of the body that are sent. Default: all. */
  sent?: number
  framing?: Partial<RawUpload>
  /** Whether what was whole before the client left may have been stored. */
  mayBeStored?: boolean
}

const leavings: Record<string, Leaving> = {
  'before the first byte': { sent: 0 },
  'in the first chunk': { sent: 500 },
  'after some chunks': { sent: 3100 },
  'after some chunks, chunked': { sent: 3100, framing: { chunked: 700 } },
  'before the last byte': { sent: 8499 },
  'while a chunk is stored': { held: { operation: 'set', keys: /^c:/ }, sent: 3100 },
  'while memory is waited for': { held: { operation: 'set', keys: /^c:/ } },
  'while the last chunks are stored': { held: { operation: 'set', keys: /^c:/, nth: 8 } },
  'while chunks are looked for': { held: { operation: 'touch', keys: /^c:/, nth: 3 } },
  'while the link by hash is made': { held: { operation: 'set', keys: /^h:/ }, mayBeStored: true },
  'while the link by name is made': { held: { operation: 'add', keys: /^n:/ }, mayBeStored: true },
}

for (const [when, { held, sent, framing, mayBeStored = false }] of Object.entries(leavings)) {
  test(`an uploader that leaves ${when} is 499 and leaves nothing behind`, async (t) => {
    const engine = new FaultyEngine(memory())
    const logger = new KeptLog()
    const { url, http, store } = await startTestServer(t, {
      engine,
      logger,
      maxUploads: 1,
      store: { chunkSize: 1000, memory: { total: 8000, perRead: 2500 } },
    })
    const holding = held && hold(engine, held)
    const closed = nextClosed(http)
    const client = await connectRaw(t, url)
    const whole = rawPut({ path: '/files/f', body: large, ...framing })
    const bodyAt = whole.indexOf('\r\n\r\n') + 4
    const underWay = new Promise((resolve) => http.once('request', resolve))
    client.socket.write(sent === undefined ? whole : whole.subarray(0, bodyAt + sent))
    await underWay
    await (holding?.asked.promise ?? bodyIsThere(store, sent ?? 0))
    client.socket.resetAndDestroy()
    await closed
    holding?.gate.resolve()
    const [line, ...more] = await logger.all(1)
    t.deepEqual(more, [])
    t.like(line!, { status: 499, end: 'client-gone', level: 'info', method: 'PUT' })
    t.like(line!, { route: '/files/*name', path: '/files/f', headersMs: undefined })
    t.like(store.memoryUsage, { used: 0, waiting: 0 })
    await expectSamples(t, url, {
      blobcached_http_requests_under_way: 1, // The scrape.
      blobcached_uploads_under_way: 0,
      'blobcached_http_incomplete_total{end="client-gone"}': 1,
    })
    const { status, body } = await ask(`${url}/files/f`)
    if (status === 200) t.true(mayBeStored && body.equals(large))
    else t.is(status, 404)
    const next = await ask(`${url}/files/next`, { method: 'PUT', body: 'next' })
    t.is(next.status, 201, 'there is room for the next')
  })
}

for (const sent of ['', 'content']) {
  test(`an uploader that leaves before its small body is asked for is 499 (${sent.length} bytes sent)`, async (t) => {
    const engine = new FaultyEngine(memory())
    const logger = new KeptLog()
    const { url, http } = await startTestServer(t, { engine, logger })
    const { gate, asked } = hold(engine, { operation: 'get', keys: /^n:/ })
    const closed = nextClosed(http)
    const client = await connectRaw(t, url)
    const head = ['PUT /files/f HTTP/1.1', 'Host: a', 'If-None-Match: *', 'Content-Length: 7']
    client.send(...head, '', sent)
    await asked.promise
    client.socket.resetAndDestroy()
    await closed
    gate.resolve()
    const [line] = await logger.all(1)
    t.like(line!, { status: 499, end: 'client-gone', level: 'info', reason: undefined })
    await expectSamples(t, url, { blobcached_http_unforeseen_total: 0 })
  })
}

/** The server has begun to take what was sent of the body. */
async function bodyIsThere(store: FileStore, sent: number): Promise<void> {
  if (sent > 0) await until('the body', () => store.memoryUsage.used > 0)
}
