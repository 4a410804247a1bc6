import test from 'ava'
import { memory } from '../../src/index.ts'
import { deferred } from '../helpers/deferred.ts'
import { FaultyEngine } from '../helpers/faulty-engine.ts'
import { ask } from '../helpers/http.ts'
import { connectRaw } from '../helpers/raw-http.ts'
import { startTestServer } from '../helpers/server.ts'

test('one upload more than the limit is 503 with Retry-After, and reads go on', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url } = await startTestServer(t, { engine, maxUploads: 2 })
  const gate = deferred()
  const entered = deferred()
  let stores = 0
  engine.set = async (key, value, options) => {
    if (++stores === 2) entered.resolve()
    await gate.promise
    return engine.inner.set(key, value, options)
  }
  const put = (name: string) => ask(`${url}/files/${name}`, { method: 'PUT', body: name })
  const first = [put('a'), put('b')]
  await entered.promise

  const third = await put('c')
  t.is(third.status, 503)
  t.is(third.headers['retry-after'], '1')
  t.like(third.json(), { reason: 'unavailable' })
  t.is((await ask(`${url}/files/none`)).status, 404)

  gate.resolve()
  for (const answer of await Promise.all(first)) t.is(answer.status, 201)
  t.is((await put('c')).status, 201)
})

test('connections beyond the limit are told 503, but health checks are answered', async (t) => {
  const { url, store } = await startTestServer(t, { maxConnections: 2 })
  await store.put('content', { name: 'there' })
  const open = [await connectRaw(t, url), await connectRaw(t, url)]
  for (const client of open) {
    client.send('GET /readyz HTTP/1.1', 'Host: x', '', '')
    await client.until(/^HTTP\/1\.1 200 /)
  }
  for (const path of ['/files/f', '/files/there']) {
    const answer = await ask(url + path)
    t.is(answer.status, 503, path)
    t.is(answer.headers['retry-after'], '1')
    t.is(answer.headers.connection, 'close')
  }
  t.is((await ask(`${url}/healthz`)).status, 200)

  open[0]!.socket.destroy()
  open[1]!.send('GET /files/f HTTP/1.1', 'Host: x', '', '')
  await open[1]!.until(/HTTP\/1\.1 404 /)
  t.is((await ask(`${url}/files/f`)).status, 404)
})
