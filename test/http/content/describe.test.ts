import test from 'ava'
import { Digest, memory } from '../../../src/index.ts'
import { Keys } from '../../../src/store/records/keys.ts'
import { encodeLink } from '../../../src/store/records/link.ts'
import { Sealer } from '../../../src/store/records/seal.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { startTestServer } from '../../helpers/server.ts'

test('HEAD answers what GET would, by a look at every chunk and a read of none', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url, store } = await startTestServer(t, { engine, store: { chunkSize: 10 } })
  const { hash } = await store.put('x'.repeat(25), { name: 'a/b.txt', type: 'text/plain' })
  const { manifest } = await store.get(hash)
  const touched = new Set<string>()
  engine.get = (key, prove, options) => {
    if (key.startsWith('c:')) t.fail('read a chunk')
    return engine.inner.get(key, prove, options)
  }
  engine.touch = (key, ttl) => {
    touched.add(key)
    return engine.inner.touch(key, ttl)
  }
  for (const path of ['/files/a/b.txt?download', `/blobs/${hash}`]) {
    touched.clear()
    const head = await ask(url + path, { method: 'HEAD' })
    t.is(head.status, 200)
    t.is(head.body.length, 0)
    t.is(touched.size, 2) // Chunks 0 and 1 are the same.
    engine.get = engine.inner.get.bind(engine.inner)
    const { date: _date, 'x-request-id': _id, ...get } = (await ask(url + path)).headers
    t.like(head.headers, get)
  }
  await engine.delete(`c:${manifest.chunk(2).digest.hex}`)
  const lost = await ask(`${url}/files/a/b.txt`, { method: 'HEAD' })
  t.is(lost.status, 404)
  t.is(lost.headers['cache-status'], 'blobcached; detail=evicted')
  t.is(lost.headers.etag, undefined)
  t.is(lost.headers['last-modified'], undefined)
})

test('?download names the file, by its last part or as the query says', async (t) => {
  const { url, store } = await startTestServer(t)
  const names = ['dir/report.pdf', 'naïve €.txt', '日本.txt', 'a"b;c.txt', 'trailing/']
  for (const name of names) await store.put('x', { name })
  const { hash } = await store.put('x')
  const disposition = async (path: string) =>
    (await ask(url + path)).headers['content-disposition'] ?? null
  const of = (name: string) => `/files/${name.split('/').map(encodeURIComponent).join('/')}`

  t.is(await disposition('/files/dir/report.pdf'), null)
  t.is(await disposition('/files/dir/report.pdf?download'), 'attachment; filename="report.pdf"')
  t.is(await disposition('/files/dir/report.pdf?download=x.pdf'), 'attachment; filename="x.pdf"')
  t.is(await disposition(`/blobs/${hash}?download`), `attachment; filename="${hash}"`)
  t.is(
    await disposition(`${of('日本.txt')}?download`),
    `attachment; filename="??.txt"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt`,
  )
  t.regex(
    (await disposition(`${of('naïve €.txt')}?download`))!,
    /filename\*=UTF-8''na%C3%AFve%20%E2%82%AC\.txt$/,
  )
  t.is(await disposition(`${of('a"b;c.txt')}?download`), 'attachment; filename="a\\"b;c.txt"')
  t.is(await disposition('/files/trailing/?download'), 'attachment; filename="trailing"')
  for (const evil of ['..%2f..%2fetc%2fpasswd', 'C:%5cwin%5cpasswd', 'a/passwd', '%0d%0apasswd']) {
    t.is(
      await disposition(`/blobs/${hash}?download=${evil}`),
      'attachment; filename="passwd"',
      evil,
    )
  }
  t.is((await ask(`${url}/blobs/${hash}?download=a&download=b`)).status, 400)
})

test('Repr-Digest is sent unless declined, Digest where it is asked for', async (t) => {
  const { url, store } = await startTestServer(t)
  const { hash } = await store.put('content', { name: 'f' })
  const base64 = Buffer.from(hash, 'hex').toString('base64')
  const headersOf = async (headers: Record<string, string>) => {
    const { headers: answer } = await ask(`${url}/files/f`, { headers })
    return [answer['repr-digest'] ?? null, answer.digest ?? null]
  }
  const repr = `sha-256=:${base64}:`
  t.deepEqual(await headersOf({}), [repr, null])
  t.deepEqual(await headersOf({ Range: 'bytes=0-1' }), [repr, null])
  t.deepEqual(await headersOf({ 'Want-Repr-Digest': 'sha-512=3, sha-256=10' }), [repr, null])
  t.deepEqual(await headersOf({ 'Want-Repr-Digest': 'sha-256=0' }), [null, null])
  t.deepEqual(await headersOf({ 'Want-Repr-Digest': '%%%' }), [repr, null])
  t.deepEqual(await headersOf({ 'Want-Digest': 'SHA-256' }), [repr, `SHA-256=${base64}`])
  t.deepEqual(await headersOf({ 'Want-Digest': 'md5, sha-256;q=0.3' }), [repr, `SHA-256=${base64}`])
  t.deepEqual(await headersOf({ 'Want-Digest': 'sha-256;q=0, md5' }), [repr, null])
})

test('a cached copy by hash is good for ever, but no longer than the file was to live', async (t) => {
  const { url, store } = await startTestServer(t)
  const lasting = await store.put('lasting', { name: 'f' })
  const brief = await store.put('brief', { ttl: 60 })
  const long = await store.put('long', { ttl: 5 * 365 * 24 * 3600 })
  const caching = async (path: string) => (await ask(url + path)).headers['cache-control']
  t.is(await caching(`/blobs/${lasting.hash}`), 'max-age=31536000, immutable')
  t.is(await caching(`/blobs/${long.hash}`), 'max-age=31536000, immutable')
  t.is(await caching('/files/f'), 'no-cache')
  const age = /^max-age=(\d+), immutable$/.exec((await caching(`/blobs/${brief.hash}`))!)
  t.true(Number(age?.[1]) <= 60 && Number(age?.[1]) > 30)
})

test('a type that no header can carry does not stand in the way of the file', async (t) => {
  const { url, store, engine } = await startTestServer(t)
  await store.put('x')
  const { manifest } = await store.get(Digest.of(Buffer.from('x')))
  const key = new Keys().linkByName('f')
  const link = { manifest, storedAt: 0, ttl: 0, name: 'f', type: 'text/ж\r\nX: y' }
  await engine.set(key, encodeLink(link, key, new Sealer()))
  const answer = await ask(`${url}/files/f`, { headers: { Range: 'bytes=0-0' } })
  t.is(answer.status, 206)
  t.is(answer.headers['content-type'], 'application/octet-stream')
})

test('verify is full or stream, once', async (t) => {
  const { url, store } = await startTestServer(t, { store: { chunkSize: 10 } })
  const { hash } = await store.put('0123456789abcdef')
  for (const [query, status] of [
    ['verify=full', 200],
    ['verify=stream', 200],
    ['verify=', 400],
    ['verify=no', 400],
    ['verify=full&verify=stream', 400],
    ['unknown=1&unknown=2', 200],
  ] as const) {
    t.is((await ask(`${url}/blobs/${hash}?${query}`)).status, status, query)
  }
})
