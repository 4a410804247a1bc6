import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import pMap from 'p-map'
import { bytes } from '../helpers/bytes.ts'
import { freePort } from '../helpers/ports.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const isHere = spawnSync('nginx', ['-v']).status === 0
const testIf = isHere ? test : test.skip
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

/** The example, but for its ports and folders, or another configuration that listens on 8000. */
async function startNginx(
  t: ExecutionContext,
  server: TestServer,
  configure = () => readFile('examples/nginx/blobcached.conf', 'utf8') as string | Promise<string>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-nginx-'))
  await chmod(folder, 0o777)
  const port = await freePort()
  const site = (await configure())
    .replace('/var/cache/nginx/blobcached', join(folder, 'cache'))
    .replace('127.0.0.1:8080', server.url.slice('http://'.length))
    .replace(/listen (127\.0\.0\.1:)?8000/, `listen 127.0.0.1:${port}`)
  await writeFile(join(folder, 'site.conf'), site)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`,
  )
  const main = `daemon off; pid ${join(folder, 'pid')}; error_log stderr crit; events {}
http { access_log off; ${temporary.join(' ')} include ${join(folder, 'site.conf')}; }`
  await writeFile(join(folder, 'nginx.conf'), main)

  const child = spawn('nginx', ['-e', 'stderr', '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  t.teardown(async () => {
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
    await rm(folder, { recursive: true, force: true })
  })
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 500; tries++) {
    const answer = await fetch(`${url}/healthz`).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok) return url
    await sleep(20)
  }
  throw new Error('nginx did not start')
}
