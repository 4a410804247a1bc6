import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Digest, memcached, memory, UnavailableError } from '../../../../src/index.ts'
import { FaultyEngine } from '../../../helpers/faulty-engine.ts'
import { startMemcached } from '../../../helpers/memcached.ts'
import { field, outputFile } from '../../../helpers/protobuf.ts'
import { startTestServer } from '../../../helpers/server.ts'

const HASH = Digest.of(Buffer.from('content')).hex

const routes = {
  '/v8/artifacts/abc?slug=x': 503,
  '/v1/cache/1': 403,
  '//v1/cache/1': 403,
  [`/bz/ac/${HASH}`]: 503,
  [`/bz/cas/${HASH}`]: 503,
  [`/cas/${HASH}`]: 503,
}

test('a memcached that is down is a miss, says so, and comes back', async (t) => {
  const backend = await startMemcached(t)
  const { url } = await startTestServer(t, { engine: memcached(backend.address) })
  const put = async (path: string) =>
    (await fetch(url + path, { method: 'PUT', body: 'content' })).status
  for (const path of Object.keys(routes)) t.true((await put(path)) < 300, path)

  await backend.stop('SIGKILL')
  for (const [path, putStatus] of Object.entries(routes)) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await fetch(url + path, { method })
      await answer.arrayBuffer()
      t.is(answer.status, 404, `${method} ${path}`)
      t.is(answer.headers.get('cache-status'), 'blobcached; detail=unavailable')
      t.is(answer.headers.get('retry-after'), null)
    }
    t.is(await put(path), putStatus, `PUT ${path}`)
  }
  const query = await fetch(`${url}/v8/artifacts?slug=x`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"hashes":["abc"]}',
  })
  t.deepEqual(await query.json(), { abc: null })
  t.deepEqual(await (await fetch(`${url}/v8/artifacts/status`)).json(), { status: 'enabled' })
  t.is((await fetch(`${url}/files/a`)).status, 503)
  t.is((await fetch(`${url}/blobs/${HASH}`)).status, 503)

  await backend.start()
  for (const path of Object.keys(routes)) {
    for (let tries = 0; (await put(path)) >= 300; tries++) {
      t.true(tries < 100, path)
      await sleep(20) // Nobody asks while the client waits for its next attempt to connect.
    }
    t.is((await fetch(url + path)).status, 200, path)
  }
})

test('a memcached that is lost while an action result is checked makes it a miss', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url, store } = await startTestServer(t, { engine })
  await store.put('content')
  await store.put(field(2, outputFile('out', 'content')), { name: `ac/${HASH}` })
  t.is((await fetch(`${url}/ac/${HASH}`)).status, 200)
  engine.touch = async () => {
    throw new UnavailableError('lost')
  }
  t.is((await fetch(`${url}/ac/${HASH}`)).status, 404)
})

test('Rush, which ends the build after any upload that is not 2xx, gets a 202 that says why', async (t) => {
  const backend = await startMemcached(t)
  const engine = memcached(backend.address)
  const { url } = await startTestServer(t, { engine, store: { maxFileSize: 100 } })
  const headers = { 'User-Agent': 'rush node/v20.20.2 linux x64' }
  const put = (body: string) => fetch(`${url}/files/rush/key`, { method: 'PUT', headers, body })

  t.is((await put('content')).status, 201)
  const large = await put('x'.repeat(101))
  t.is(large.status, 202)
  t.is(large.headers.get('cache-status'), 'blobcached; detail=too-large')
  t.is(await (await fetch(`${url}/files/rush/key`, { headers })).text(), 'content')

  await backend.stop('SIGKILL')
  const lost = await put('content')
  t.is(lost.status, 202)
  t.like(await lost.json(), { status: 202, reason: 'unavailable' })
  t.is((await fetch(`${url}/files/rush/key`, { headers })).status, 404)
  t.is((await fetch(`${url}/files/rush/key`, { method: 'PUT', body: 'content' })).status, 503)
})
