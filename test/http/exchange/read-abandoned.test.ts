import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine, type Hold, hold } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { KeptLog } from '../../helpers/kept-log.ts'
import { expectSamples } from '../../helpers/metrics.ts'
import { connectRaw } from '../../helpers/raw-http.ts'
import {
  memoryIsFree,
  nextClosed,
  startTestServer,
  type TestServerOptions,
} from '../../helpers/server.ts'
import { until } from '../../helpers/watchdog.ts'

/** In one chunk, in several that fit the memory of a read, and in more, which are read twice. */
const contents = {
  small: bytes('small', 900),
  several: bytes('several', 2400),
  large: bytes('large', 8500),
  long: bytes('long', 50_000),
}
const SMALL = { chunkSize: 1000, memory: { total: 8000, perRead: 2500 } }
const MiB = 1024 * 1024

async function start(t: ExecutionContext, options: TestServerOptions = {}) {
  const engine = new FaultyEngine(memory())
  const log = new KeptLog()
  const server = await startTestServer(t, { engine, store: SMALL, logger: log, ...options })
  return { ...server, engine, log }
}

const leavings: [string, keyof typeof contents | 'none', Omit<Hold, 'operation'>, string?][] = [
  ['before the link of a small file came', 'small', { keys: /^n:/ }],
  ['before the chunk of a small file came', 'small', { keys: /^c:/ }],
  ['before the link of a file of several chunks came', 'several', { keys: /^n:/ }],
  ['before the chunks of a file of several came', 'several', { keys: /^c:/ }],
  ['before the link of a large file came', 'large', { keys: /^n:/ }],
  ['before the chunks of a large file came', 'large', { keys: /^c:/ }],
  ['at the end of the first pass of a large file', 'large', { keys: /^c:/, nth: 9 }],
  ['before it is told that there is no file', 'none', { keys: /^n:/ }, 'not-found'],
  ['early in the first pass, which goes no further', 'long', { keys: /^c:/, nth: 3 }],
]
for (const [when, name, held, reason] of leavings) {
  test(`a reader that leaves ${when} is 499`, async (t) => {
    const { url, engine, http, log, store } = await start(t)
    for (const [name, bytes] of Object.entries(contents)) await store.put(bytes, { name })
    const { gate, asked } = hold(engine, { operation: 'get', ...held })
    let gets = 0
    const { get } = engine
    engine.get = (key, prove, options) => {
      gets++
      return get(key, prove, options)
    }
    const closed = nextClosed(http)
    const client = await connectRaw(t, url)
    client.send(`GET /files/${name} HTTP/1.1`, 'Host: x', '', '')
    await asked.promise
    client.socket.destroy()
    await closed
    gate.resolve()
    const [line, ...more] = await log.all(1)
    t.deepEqual(more, [])
    t.like(line!, { status: 499, end: 'client-gone', reason, level: 'info' })
    t.like(line!, { route: '/files/*name', path: `/files/${name}`, headersMs: undefined })
    t.is(store.memoryUsage.used, 0)
    if (name === 'long') t.true(gets < 12, `${gets} gets for 50 chunks`)
    await expectSamples(t, url, {
      blobcached_http_requests_under_way: 1, // The scrape.
      'blobcached_http_incomplete_total{end="client-gone"}': 1,
      'blobcached_reads_total{outcome="hit"}': 0,
    })
  })
}

for (const [how, perRead] of [
  ['held in memory', 64 * MiB],
  ['read twice', 0],
] as const) {
  test(`a reader that leaves in the middle of a body ${how} gives the memory back`, async (t) => {
    const memory = { total: 80 * MiB, perRead }
    const server = await start(t, { store: { chunkSize: 100_000, memory } })
    const { url, log, store } = server
    await store.put(Buffer.alloc(30 * MiB), { name: 'large' })
    for (let count = 1; count <= 5; count++) {
      const reader = await connectRaw(t, url)
      reader.socket.pause()
      reader.send('GET /files/large HTTP/1.1', 'Host: a', '', '')
      await until('the read to begin', () => store.memoryUsage.used > 0)
      if (count > 1) {
        reader.socket.resume()
        await reader.until(/^HTTP\/1.1 200/)
      }
      reader.socket.resetAndDestroy()
      await memoryIsFree(server)
      const line = (await log.all(count)).at(-1)!
      t.like(line, { end: 'client-gone', reason: undefined, level: 'info' })
      if (count > 1) t.is(line.status, 200)
    }
    t.is((await ask(`${url}/files/large`, { method: 'HEAD' })).status, 200)
  })
}

/** A process of its own, so that it leaves while the server is writing: it takes the first bytes of each answer. */
const LEAVING = `
const [port, count] = process.argv.slice(1).map(Number)
let left = 0
const ask = () => {
  const socket = require('node:net').connect(port, '127.0.0.1')
  socket.write('GET /files/large HTTP/1.1\\r\\nHost: x\\r\\nX-Request-Id: ' + left + '\\r\\n\\r\\n')
  socket.on('error', () => {}).once('data', () => socket.destroy())
  socket.on('close', () => ++left < count && ask())
}
ask()`

test('no answer is whole whose client has left while most of it was still to be sent', async (t) => {
  const { url, store, log } = await start(t, { store: {} })
  await store.put(Buffer.alloc(60_000_000, 'x'), { name: 'large' })
  await promisify(execFile)(process.execPath, ['-e', LEAVING, new URL(url).port, '30'])
  for (let id = 0; id < 30; id++) {
    t.like(await log.line({ id: `${id}` }), { status: 200, end: 'client-gone' })
  }
})
