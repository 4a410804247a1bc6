import test from 'ava'
import { Digest, memcached, memory, UnavailableError } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { expectSamples, scrape } from '../../helpers/metrics.ts'
import { connectRaw } from '../../helpers/raw-http.ts'
import { startTestServer } from '../../helpers/server.ts'

test('requests are counted by route, method and status, whatever paths are asked for', async (t) => {
  const { url } = await startTestServer(t)
  await ask(`${url}/files/a/b/c`, { method: 'PUT', body: 'content' })
  await ask(`${url}/files/a/b/c`)
  for (let i = 0; i < 20; i++) {
    await ask(`${url}/files/none-${i}`)
    await ask(`${url}/no-such-route-${i}`, { method: `M${i % 3 === 0 ? 'KCOL' : 'OVE'}` })
    await ask(`${url}/v1/cache/hash-${i}`)
  }
  await expectSamples(t, url, {
    'blobcached_http_requests_total{route="/files/*name",method="PUT",status="201"}': 1,
    'blobcached_http_requests_total{route="/files/*name",method="GET",status="200"}': 1,
    'blobcached_http_requests_total{route="/files/*name",method="GET",status="404"}': 20,
    'blobcached_http_requests_total{route="*/v1/cache/:hash",method="GET",status="404"}': 20,
    'blobcached_http_request_seconds_count{route="/files/*name",method="PUT"}': 1,
    'blobcached_http_headers_seconds_count{route="/files/*name",method="GET"}': 21,
    blobcached_http_requests_under_way: 1,
  })
  const names = [...(await scrape(url)).keys()].join('\n')
  t.notRegex(names, /none-|no-such-route|hash-|KCOL|MOVE/)
  t.regex(names, /route="none",method="other",status="405"/)
})

test('each read and upload is counted once, whatever comes of it, and none stays under way', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url } = await startTestServer(t, { engine, store: { chunkSize: 1000 } })
  const large = bytes('large', 8500)
  const digest = Digest.of(large).hex
  const put = (path: string, body: Buffer | string) => ask(url + path, { method: 'PUT', body })
  await put('/files/f', 'small')
  await put('/files/f', 'small')
  await put(`/blobs/${digest}`, large)
  await put(`/blobs/${digest}`, 'other')
  await put('/files/%00', 'small')
  for (const path of ['/files/f', '/files/f', '/files/none', '/files/%zz', `/blobs/${digest}`]) {
    await ask(url + path)
  }
  engine.set = () => Promise.reject(new UnavailableError('down'))
  engine.get = () => Promise.reject(new UnavailableError('down'))
  await put('/files/f', 'small')
  await ask(`${url}/files/f`)
  const byName = (method: string) => `route="/files/*name",method="${method}"`
  const byHash = (method: string) => `route="/blobs/:hash",method="${method}"`
  await expectSamples(t, url, {
    [`blobcached_http_requests_total{${byName('PUT')},status="201"}`]: 1,
    [`blobcached_http_requests_total{${byName('PUT')},status="200"}`]: 1,
    [`blobcached_http_requests_total{${byName('PUT')},status="400"}`]: 1,
    [`blobcached_http_requests_total{${byName('PUT')},status="503"}`]: 1,
    [`blobcached_http_requests_total{${byHash('PUT')},status="201"}`]: 1,
    [`blobcached_http_requests_total{${byHash('PUT')},status="400"}`]: 1,
    [`blobcached_http_requests_total{${byName('GET')},status="200"}`]: 2,
    [`blobcached_http_requests_total{${byName('GET')},status="404"}`]: 1,
    [`blobcached_http_requests_total{${byName('GET')},status="400"}`]: 1,
    [`blobcached_http_requests_total{${byName('GET')},status="503"}`]: 1,
    [`blobcached_http_requests_total{${byHash('GET')},status="200"}`]: 1,
    [`blobcached_http_headers_seconds_count{${byName('PUT')}}`]: 4,
    [`blobcached_http_request_seconds_count{${byName('PUT')}}`]: 4,
    [`blobcached_http_headers_seconds_count{${byName('GET')}}`]: 5,
    [`blobcached_http_request_seconds_count{${byName('GET')}}`]: 5,
    [`blobcached_http_request_seconds_count{${byHash('GET')}}`]: 1,
    'blobcached_uploads_total{outcome="stored"}': 3,
    'blobcached_uploads_total{outcome="digest-mismatch"}': 1,
    'blobcached_uploads_total{outcome="unavailable"}': 1,
    'blobcached_reads_total{outcome="hit"}': 3,
    'blobcached_reads_total{outcome="not-found"}': 1,
    'blobcached_reads_total{outcome="unavailable"}': 1,
    'blobcached_http_incomplete_total{end="client-gone"}': 0,
    blobcached_http_requests_under_way: 1, // The scrape.
    blobcached_uploads_under_way: 0,
  })
})

test('requests that are refused before they are routed are counted by route all the same', async (t) => {
  const { url } = await startTestServer(t, { access: { tokens: ['t'] } })
  await ask(`${url}/files/a/b`, { method: 'PUT', body: 'content' })
  await ask(`${url}/no-such-route`)
  const { text } = await ask(`${url}/metrics`, { headers: { Authorization: 'Bearer t' } })
  t.regex(text, /requests_total\{route="\/files\/\*name",method="PUT",status="401"\} 1/)
  t.regex(text, /requests_total\{route="none",method="GET",status="401"\} 1/)
})

test('reads are counted by what came of them', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url, store } = await startTestServer(t, { engine, store: { chunkSize: 10 } })
  await store.put('0123456789-evicted', { name: 'evicted' })
  await store.put('0123456789-corrupt', { name: 'corrupt' })
  await store.put('0123456789-intact', { name: 'intact' })
  const key = async (name: string) => `c:${(await store.get(name)).manifest.chunk(1).digest.hex}`
  const corrupt = await key('corrupt')
  await engine.delete(await key('evicted'))
  await engine.set(corrupt, Buffer.from('-forgery'))
  const { headers } = await ask(`${url}/files/intact`)
  await ask(`${url}/files/intact`, { method: 'HEAD' })
  await ask(`${url}/files/intact`, { headers: { Range: 'bytes=2-4' } })
  await ask(`${url}/files/intact`, { headers: { 'If-None-Match': String(headers.etag) } })
  await ask(`${url}/files/intact`, { headers: { Range: 'bytes=1000-' } })
  await ask(`${url}/files/evicted`)
  await ask(`${url}/files/corrupt`)
  await ask(`${url}/files/none`)
  await ask(`${url}/files/none`, { method: 'DELETE' })
  await ask(`${url}/no-such-route`)
  engine.get = () => Promise.reject(new UnavailableError('down'))
  await ask(`${url}/files/intact`)
  await expectSamples(t, url, {
    'blobcached_reads_total{outcome="hit"}': 4,
    'blobcached_reads_total{outcome="evicted"}': 1,
    'blobcached_reads_total{outcome="corrupt"}': 1,
    'blobcached_reads_total{outcome="not-found"}': 1,
    'blobcached_reads_total{outcome="unavailable"}': 1,
  })
})

test('uploads are counted by what came of them, and chunks that reads missed', async (t) => {
  const { url, store } = await startTestServer(t, { store: { chunkSize: 100, maxFileSize: 1000 } })
  await ask(`${url}/files/a`, { method: 'PUT', body: 'x'.repeat(250) })
  await ask(`${url}/files/b`, { method: 'PUT', body: 'x'.repeat(2000) })
  await ask(`${url}/blobs/${'0'.repeat(64)}`, { method: 'PUT', body: 'other' })
  const upload = await connectRaw(t, url)
  upload.send('PUT /files/c HTTP/1.1', 'Host: x', 'Content-Length: 100', '', 'part')
  await expectSamples(t, url, { blobcached_uploads_under_way: 1 })
  upload.socket.destroy()
  const { manifest } = await store.get('a')
  await store.engine.delete(`c:${manifest.chunk(2).digest.hex}`)
  await ask(`${url}/files/a`)
  await store.engine.set(`c:${manifest.chunk(2).digest.hex}`, Buffer.from('forgery'))
  await ask(`${url}/files/a`)
  await expectSamples(t, url, {
    blobcached_uploads_under_way: 0,
    'blobcached_uploads_total{outcome="stored"}': 1,
    'blobcached_uploads_total{outcome="too-large"}': 1,
    'blobcached_uploads_total{outcome="digest-mismatch"}': 1,
    'blobcached_uploads_total{outcome="aborted"}': 1,
    blobcached_uploaded_bytes_total: 250,
    'blobcached_chunks_lost_total{state="evicted"}': 1,
    'blobcached_chunks_lost_total{state="corrupt"}': 1,
  })
})

test('what memcached is asked, answers and tells of itself is there, by server', async (t) => {
  const server = await startMemcached(t)
  const { url, store } = await startTestServer(t, { engine: memcached(server.address) })
  const { hash } = await store.put('content', { name: 'there' })
  await store.put('lost', { name: 'lost' })
  await server.raw.set(`c:${hash}`, Buffer.from('forgery'))
  await ask(`${url}/files/there`)
  await ask(`${url}/files/none`)
  const labels = `server="${server.address}"`
  await expectSamples(t, url, {
    [`blobcached_engine_operations_total{${labels},operation="get",outcome="damaged"}`]: 1,
    [`blobcached_engine_operations_total{${labels},operation="get",outcome="absent"}`]: 1,
    [`blobcached_engine_up{${labels}}`]: 1,
    [`blobcached_engine_connected{${labels}}`]: 1,
    [`blobcached_engine_limit_bytes{${labels}}`]: 128 * 1024 * 1024,
    [`blobcached_engine_evictions_total{${labels}}`]: 0,
    [`blobcached_engine_moved_pages_total{${labels}}`]: 0,
  })
  t.true((await scrape(url)).get(`blobcached_engine_items{${labels}}`)! >= 4)

  await server.stop()
  await ask(`${url}/files/there`)
  await expectSamples(t, url, {
    [`blobcached_engine_up{${labels}}`]: 0,
    [`blobcached_engine_connected{${labels}}`]: 0,
    [`blobcached_engine_connection_changes_total{${labels},state="down"}`]: 1,
  })
})

test('the figures of the servers are asked for at most once a second, however many ask', async (t) => {
  const engine = new FaultyEngine(memory())
  let asked = 0
  engine.stats = () => {
    asked++
    return engine.inner.stats()
  }
  const { url } = await startTestServer(t, { engine })
  const started = performance.now()
  await Promise.all(Array.from({ length: 20 }, () => scrape(url)))
  await scrape(url)
  t.true(asked <= 1 + (performance.now() - started) / 1000, `${asked} times`)
})

test('a server that does not tell its figures holds nobody up for long', async (t) => {
  const engine = new FaultyEngine(memory())
  engine.stats = () => new Promise(() => {})
  const { url } = await startTestServer(t, { engine })
  const samples = await scrape(url)
  t.false(samples.has('blobcached_engine_up{server="memory"}'))
  t.true(samples.has('blobcached_memory_budget_bytes'))
})

test('the memory budget and what waits for it are there', async (t) => {
  const { url, store } = await startTestServer(t)
  await expectSamples(t, url, {
    blobcached_memory_budget_bytes: store.memoryUsage.total,
    blobcached_memory_budget_used_bytes: 0,
    blobcached_memory_budget_waiting: 0,
  })
})

test('each metric says which question it answers, and two servers share none', async (t) => {
  const [one, other] = await Promise.all([startTestServer(t), startTestServer(t)])
  await ask(`${one.url}/files/none`)
  await expectSamples(t, one.url, { 'blobcached_reads_total{outcome="not-found"}': 1 })
  await expectSamples(t, other.url, { 'blobcached_reads_total{outcome="not-found"}': 0 })
  const { text } = await ask(`${one.url}/metrics`)
  const help = [...text.matchAll(/^# HELP (\S+) (.*)$/gm)]
  t.true(help.length > 15)
  for (const [, name, question] of help) t.regex(question!, /\?/, name)
})
