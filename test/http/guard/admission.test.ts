import test from 'ava'
import { Digest, memory } from '../../../src/index.ts'
import { FaultyEngine, follow, hold } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { connectRaw } from '../../helpers/raw-http.ts'
import { startTestServer } from '../../helpers/server.ts'
import { until } from '../../helpers/watchdog.ts'

test('uploads beyond the limit are 503 with Retry-After, whatever they are, and reads go on', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url } = await startTestServer(t, { engine, maxUploads: 2 })
  const { gate } = hold(engine, { operation: 'set' })
  const held = follow(engine)
  const put = (path: string) => ask(url + path, { method: 'PUT', body: path })
  const first = [put('/files/a'), put('/files/b')]
  await until('both to be stored', () => held.filter((call) => /^set /.test(call)).length === 2)
  const calls = follow(engine)

  const hash = Digest.of(Buffer.from('c')).hex
  for (const path of ['/files/c', `/blobs/${hash}`, `/blobs/${'0'.repeat(64)}`, '/files/%00']) {
    const answer = await put(path)
    t.is(answer.status, 503, path)
    t.is(answer.headers['retry-after'], '1')
    t.like(answer.json(), { reason: 'unavailable' })
  }
  t.deepEqual(calls, [])
  t.is((await ask(`${url}/files/none`)).status, 404)

  gate.resolve()
  for (const answer of await Promise.all(first)) t.is(answer.status, 201)
  t.is((await put('/files/c')).status, 201)
})

test('uploads that fail leave room for others', async (t) => {
  const { url } = await startTestServer(t, { store: { maxFileSize: 100 }, maxUploads: 1 })
  const put = async (path: string, body: string) =>
    (await ask(url + path, { method: 'PUT', body })).status
  for (const path of ['/files/%00', '/files/%zz', `/blobs/${'0'.repeat(64)}`]) {
    t.is(await put(path, 'small'), 400)
    t.is(await put('/files/f', 'x'.repeat(101)), 413)
  }
  t.is(await put('/files/f', 'x'.repeat(100)), 201)
})

test('connections beyond the limit are told 503, but health checks are answered', async (t) => {
  const { url, store } = await startTestServer(t, { maxConnections: 2 })
  await store.put('content', { name: 'there' })
  const open = [await connectRaw(t, url), await connectRaw(t, url)]
  for (const client of open) {
    client.send('GET /readyz HTTP/1.1', 'Host: x', '', '')
    await client.until(/^HTTP\/1\.1 200 /)
  }
  for (const method of ['GET', 'PUT']) {
    for (const path of ['/files/f', '/files/there']) {
      const answer = await ask(url + path, { method, ...(method === 'PUT' && { body: 'x' }) })
      t.is(answer.status, 503, `${method} ${path}`)
      t.is(answer.headers['retry-after'], '1')
      t.is(answer.headers.connection, 'close')
    }
  }
  t.is((await ask(`${url}/healthz`)).status, 200)

  open[0]!.socket.destroy()
  open[1]!.send('GET /files/f HTTP/1.1', 'Host: x', '', '')
  await open[1]!.until(/HTTP\/1\.1 404 /)
  t.is((await ask(`${url}/files/f`)).status, 404)
})
