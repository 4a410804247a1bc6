import test, { type ExecutionContext } from 'ava'
import { FileStore, memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { backdate, rewrite } from '../../helpers/records.ts'

const content = bytes('response', 5000)

async function stored(t: ExecutionContext) {
  const store = new FileStore(memory(), { chunkSize: 1000 })
  t.teardown(() => store.close())
  const { hash } = await store.put(content, { name: 'a', type: 'text/x-own' })
  return { store, hash, file: await store.get('a') }
}

const ask = (headers: Record<string, string>, method = 'GET') =>
  new Request('http://host/a', { headers, method })

test('text and json are the whole file', async (t) => {
  const { store } = await stored(t)
  await store.put('{"ä":1}', { name: 'json' })
  const file = await store.get('json')
  t.is(await file.text(), '{"ä":1}')
  t.deepEqual(await file.json(), { ä: 1 })
  await t.throwsAsync(async () => (await store.get('a')).json(), { instanceOf: SyntaxError })
})

test('a response has what describes the content, and all of it', async (t) => {
  const { store, hash, file } = await stored(t)
  const response = await file.response()
  t.is(response.status, 200)
  t.like(Object.fromEntries(response.headers), {
    etag: `"${hash}"`,
    'repr-digest': `sha-256=:${Buffer.from(hash, 'hex').toString('base64')}:`,
    'content-type': 'text/x-own',
    'content-length': '5000',
    'accept-ranges': 'bytes',
    'last-modified': undefined, // A date is sent once it is exact, a second or two later.
  })
  t.true(Buffer.from(await response.arrayBuffer()).equals(content))
  const modified = await backdate(store.engine, 'a')
  t.is((await (await store.get('a')).response()).headers.get('last-modified'), modified)
  t.is((await (await store.get(hash)).response()).headers.get('last-modified'), null)
  const head = await file.response(ask({}, 'HEAD'))
  t.is(head.headers.get('content-length'), '5000')
  t.is(await head.text(), '')
})

test('a response serves the range and the conditions of a request or of its headers', async (t) => {
  const { hash, file } = await stored(t)
  const part = await file.response(ask({ range: 'bytes=900-1099' }))
  t.is(part.status, 206)
  t.is(part.headers.get('content-range'), 'bytes 900-1099/5000')
  t.is(part.headers.get('content-length'), '200')
  t.true(Buffer.from(await part.arrayBuffer()).equals(content.subarray(900, 1100)))

  const status = async (headers: Record<string, string>) => {
    const response = await file.response(new Headers(headers))
    await response.body?.cancel()
    return response.status
  }
  t.is(await status({ range: 'bytes=5000-' }), 416)
  t.is(await status({ range: 'bytes=0-1', 'if-range': '"other"' }), 200)
  t.is(await status({ range: 'bytes=0-1', 'if-range': `"${hash}"` }), 206)
  t.is(await status({ range: 'bytes=0-1,9-10' }), 200)
  t.is(await status({ 'if-none-match': `"${hash}"` }), 304)
  t.is(await status({ 'if-match': '"other"' }), 412)
})

test('a response leaves out what no field can carry, as the server does', async (t) => {
  const { store } = await stored(t)
  for (const bad of ['gzip\r\nSet-Cookie: a=b', 'ж', '']) {
    await store.put(content, { name: 'b', attributes: { 'content-encoding': bad } })
    await rewrite(store.engine, 'b', (link) => ({ ...link, type: bad }))
    const response = await (await store.get('b')).response()
    t.is(response.headers.get('content-encoding'), null)
    t.is(response.headers.get('content-type'), 'application/octet-stream')
    t.is((await response.arrayBuffer()).byteLength, 5000)
  }
})

test('a response gives its memory back when its body was read or left', async (t) => {
  const { store, file } = await stored(t)
  const read = await file.response()
  const left = await file.response()
  t.true(store.memoryUsage.used > 0)
  await read.arrayBuffer()
  await left.body!.getReader().cancel()
  t.is(store.memoryUsage.used, 0)
})

test('a response is refused before its status when a chunk is gone', async (t) => {
  const { store, file } = await stored(t)
  await store.delete('a', { purge: true })
  await t.throwsAsync(file.response(), { code: 'evicted' })
  await t.throwsAsync(file.response(ask({}, 'HEAD')), { code: 'evicted' })
})
