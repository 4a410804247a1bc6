import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { bytes } from '../helpers/bytes.ts'
import { nginxExample, startProxy } from '../helpers/proxies.ts'
import { startTestServer } from '../helpers/server.ts'

const isHere = spawnSync('nginx', ['-v']).status === 0
const testIf = isHere ? test : test.skip
const content = bytes('nginx', 3_000_000)

testIf('nginx keeps content by hash and asks about names again', async (t) => {
  const server = await startTestServer(t)
  const { hash } = await server.store.put(content, { name: 'a', type: 'text/plain' })
  const url = await startProxy(t, server, await nginxExample())
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
  const url = await startProxy(t, server, await nginxExample())

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
