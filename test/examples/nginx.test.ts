import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import pMap from 'p-map'
import { bytes } from '../helpers/bytes.ts'
import { hasNginx, startNginx } from '../helpers/nginx.ts'
import { startTestServer } from '../helpers/server.ts'

const testIf = hasNginx ? test : test.skip
const content = bytes('nginx', 3_000_000)

testIf('nginx keeps content by hash and asks about names again', async (t) => {
  const server = await startTestServer(t)
  const { hash } = await server.store.put(content, { name: 'a', type: 'text/plain' })
  const url = await startNginx(t, server)
  const asked: (string | undefined)[] = []
  server.http.on('request', (req) => asked.push(req.headers['if-none-match']))
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(url + path, { headers })
    const body = Buffer.from(await answer.arrayBuffer())
    return { status: answer.status, body, cache: answer.headers.get('x-cache') }
  }

  t.like(await get(`/blobs/${hash}`), { status: 200, cache: 'MISS' })
  const hit = await get(`/blobs/${hash}`)
  t.is(hit.cache, 'HIT')
  t.true(hit.body.equals(content))
  const part = await get(`/blobs/${hash}`, { Range: 'bytes=1000000-1000009' })
  t.is(part.status, 206)
  t.true(part.body.equals(content.subarray(1_000_000, 1_000_010)))
  t.is(asked.length, 1)

  t.is((await get('/files/a')).cache, 'MISS')
  await sleep(2100)
  t.is((await get('/files/a')).cache, 'REVALIDATED')
  t.is(asked.at(-1), `"${hash}"`)
  await server.store.put('changed', { name: 'a' })
  await sleep(2100)
  t.is((await get('/files/a')).body.toString(), 'changed')
})

testIf('nginx passes uploads, damage and its reason through and keeps neither', async (t) => {
  const server = await startTestServer(t)
  const url = await startNginx(t, server)

  const put = await fetch(`${url}/files/dir/b%20c`, { method: 'PUT', body: content })
  t.is(put.status, 201)
  const { hash } = (await put.json()) as { hash: string }
  const { chunks } = await server.store.verify({ name: 'dir/b c' })
  await server.engine.delete(`c:${chunks[1]!.hash}`)
  const lost = await fetch(`${url}/blobs/${hash}`)
  t.is(lost.status, 404)
  t.is(((await lost.json()) as { reason: string }).reason, 'evicted')
  await server.store.put(content)
  const healed = await fetch(`${url}/blobs/${hash}`)
  t.is(healed.status, 200)
  await healed.body?.cancel()
})

testIf('nginx as it comes passes every refusal of a large upload on', async (t) => {
  const server = await startTestServer(t, {
    access: { tokens: ['writer'] },
    store: { maxFileSize: 10_000_000 },
  })
  // HTTP/1.0 to the server, with Connection: close, and a body that is sent whatever the answer is.
  const plain = () => `server { listen 127.0.0.1:8000; client_max_body_size 0;
    location / { proxy_pass ${server.url}; } }`
  const url = await startNginx(t, server, plain)
  const body = Buffer.alloc(30_000_000)
  const upload = async (_: unknown, index: number) => {
    const authorization = index % 2 === 0 ? 'Bearer writer' : 'Bearer other'
    const options = { method: 'PUT', body, headers: { authorization } }
    const answer = await fetch(`${url}/files/large`, options)
    const { reason } = (await answer.json()) as { reason: string }
    return `${answer.status} ${reason}`
  }
  const answers = await pMap(Array.from({ length: 20 }), upload, { concurrency: 2 })
  const told = (text: string) => answers.filter((answer) => answer === text).length
  t.deepEqual([told('413 too-large'), told('401 unauthorized')], [10, 10])
  t.is(server.store.memoryUsage.used, 0)
})
