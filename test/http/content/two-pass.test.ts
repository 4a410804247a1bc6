import test, { type ExecutionContext } from 'ava'
import { type Engine, memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { exchange } from '../../helpers/raw-http.ts'
import { startTestServer } from '../../helpers/server.ts'

const content = bytes('two passes', 8500)
/** No memory to hold the file, or a part of it. */
const store = { chunkSize: 1000, memory: { total: 8000, perRead: 0 } }

/** A server whose engine loses chunks from the read of the `from`th on. */
async function serveUntil(t: ExecutionContext, from: number) {
  const engine = new FaultyEngine(memory())
  const server = await startTestServer(t, { engine, store })
  await ask(`${server.url}/files/a`, { method: 'PUT', body: content })
  let reads = 0
  const get: Engine['get'] = async (key, prove, options) =>
    key.startsWith('c:') && ++reads >= from ? undefined : engine.inner.get(key, prove, options)
  engine.get = get
  return { ...server, readsOf: () => reads }
}

test('invariant 2: what does not fit the memory is verified as a whole, then read again', async (t) => {
  const server = await serveUntil(t, Infinity)
  const answer = await ask(`${server.url}/files/a`)
  t.is(answer.status, 200)
  t.deepEqual(answer.body, content)
  t.is(server.readsOf(), 18)
  t.is(server.store.memoryUsage.used, 0)
})

test('invariant 2: any chunk lost in the first pass is a 404', async (t) => {
  for (let from = 1; from <= 9; from++) {
    const server = await serveUntil(t, from)
    assertProblem(t, await ask(`${server.url}/files/a`), 404, 'evicted')
    t.is(server.store.memoryUsage.used, 0)
  }
})

test('invariant 2: the first chunk lost between the passes can still be told', async (t) => {
  const server = await serveUntil(t, 10)
  assertProblem(t, await ask(`${server.url}/files/a`), 404, 'evicted')
  t.is(server.store.memoryUsage.used, 0)
})

test('invariant 2: a later chunk lost between the passes destroys the connection', async (t) => {
  for (let from = 11; from <= 18; from++) {
    const server = await serveUntil(t, from)
    const answer = await exchange(t, server.url, 'GET /files/a HTTP/1.1', 'Host: a', '', '')
    const bodyAt = answer.indexOf('\r\n\r\n') + 4
    // What was on its way when the connection was destroyed may never have left.
    if (answer !== '') t.regex(answer, /^HTTP\/1\.1 200 .*\r\nContent-Length: 8500\r\n/s)
    const sent = answer.slice(bodyAt)
    t.true(sent.length < 8500, `${sent.length} bytes sent`)
    t.true(content.toString('latin1').startsWith(sent), 'no wrong byte')
    t.is(server.store.memoryUsage.used, 0)
    const { url } = await serveUntil(t, from)
    await t.throwsAsync(ask(`${url}/files/a`))
  }
})

test('verify=stream sends what is verified at once, and is cut off at what is lost', async (t) => {
  const whole = await serveUntil(t, Infinity)
  const answer = await ask(`${whole.url}/files/a?verify=stream`)
  t.deepEqual(answer.body, content)
  t.is(whole.readsOf(), 9, 'read once')

  const first = await serveUntil(t, 1)
  assertProblem(t, await ask(`${first.url}/files/a?verify=stream`), 404, 'evicted')
  const later = await serveUntil(t, 5)
  await t.throwsAsync(ask(`${later.url}/files/a?verify=stream`))
  for (const { store } of [whole, first, later]) t.is(store.memoryUsage.used, 0)
})
