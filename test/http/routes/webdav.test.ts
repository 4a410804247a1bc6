import test from 'ava'
import { memory } from '../../../src/index.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { backdate, rewrite } from '../../helpers/records.ts'
import { startTestServer } from '../../helpers/server.ts'

const propfind = (url: string, depth?: string) =>
  ask(url, { method: 'PROPFIND', headers: depth === undefined ? {} : { Depth: depth } })

test('PROPFIND describes a file at any depth, and a folder, which is empty, at 0 and 1', async (t) => {
  const { url, store } = await startTestServer(t)
  const { hash } = await store.put('content', { name: 'dir/a', type: 'text/plain' })
  for (const depth of ['0', '1', 'infinity', undefined]) {
    const { status, text, headers } = await propfind(`${url}/files/dir/a`, depth)
    t.is(status, 207)
    t.is(headers['content-type'], 'application/xml')
    t.regex(text, /<D:href>\/files\/dir\/a<\/D:href>/)
    t.regex(text, /<D:resourcetype\/>/)
    t.regex(text, /<D:getcontentlength>7</)
    t.regex(text, /<D:getcontenttype>text\/plain</)
    t.true(text.includes(`<D:getetag>"${hash}"<`))
  }
  for (const [path, href] of [
    ['/files', '/files/'],
    ['/files/', '/files/'],
    ['/files/dir/', '/files/dir/'],
  ]) {
    for (const depth of ['0', '1']) {
      const { status, text } = await propfind(url + path, depth)
      t.is(status, 207)
      t.deepEqual(text.match(/<D:href>.*<\/D:href>/g), [`<D:href>${href}</D:href>`])
      t.regex(text, /<D:resourcetype><D:collection\/><\/D:resourcetype>/)
    }
    for (const depth of ['infinity', undefined]) {
      const { status, text } = await propfind(url + path, depth)
      t.is(status, 403)
      t.regex(text, /<D:error xmlns:D="DAV:"><D:propfind-finite-depth\/><\/D:error>/)
    }
  }
  assertProblem(t, await propfind(`${url}/files/`, '2'), 400, 'bad-request')
  assertProblem(t, await propfind(`${url}/files/dir`, '1'), 404, 'not-found')
})

test('PROPFIND tells the date of GET once it is exact, and until then that of the answer', async (t) => {
  const { url, store, engine } = await startTestServer(t)
  await store.put('content', { name: 'a' })
  const dateInXml = async () =>
    /<D:getlastmodified>(.*)</.exec((await propfind(`${url}/files/a`, '0')).text)?.[1]
  const date = await backdate(engine, 'a')
  t.is(await dateInXml(), date)
  await rewrite(engine, 'a', (link) => ({ ...link, storedAt: Date.now() + 60_000 }))
  const provisional = (await dateInXml())!
  t.true(Date.parse(provisional) <= Date.now())
  const headers = { 'If-Unmodified-Since': provisional }
  t.is((await ask(`${url}/files/a`, { method: 'PUT', headers, body: 'x' })).status, 412)
})

test('PROPFIND quotes what XML would take for markup', async (t) => {
  const { url, store } = await startTestServer(t)
  await store.put('x', { name: 'a&b]]>', type: 'text/<x>&' })
  const { text } = await propfind(`${url}/files/a&b]]>`, '0')
  t.true(text.includes('<D:href>/files/a&amp;b]]&gt;</D:href>'))
  t.true(text.includes('text/&lt;x&gt;&amp;'))
  const folder = await propfind(`${url}/files/%01%EF%BF%BF&/`, '0')
  t.true(folder.text.includes('<D:href>/files/%01%EF%BF%BF&amp;/</D:href>'))
})

test('OPTIONS says what there is of WebDAV', async (t) => {
  const { url } = await startTestServer(t)
  for (const path of ['/files/', '/files/a', '/files/dir/']) {
    const { status, headers } = await ask(url + path, { method: 'OPTIONS' })
    t.is(status, 200)
    t.is(headers.dav, '1')
    for (const method of ['PROPFIND', 'MKCOL', 'COPY', 'MOVE']) {
      t.true(headers.allow!.split(', ').includes(method), headers.allow)
    }
  }
})

test('MKCOL has nothing to do, unless there is a file', async (t) => {
  const { url, store } = await startTestServer(t)
  await store.put('x', { name: 'a' })
  const make = (path: string, body = '') => ask(url + path, { method: 'MKCOL', body })
  t.is((await make('/files/dir/')).status, 201)
  t.is((await make('/files/dir')).status, 201)
  for (const path of ['/files/a', '/files/a/']) {
    const answer = await make(path)
    assertProblem(t, answer, 405, 'method-not-allowed')
    t.regex(answer.headers.allow!, /PUT/)
  }
  assertProblem(t, await make('/files/dir/', '<x/>'), 415, 'unsupported-media-type')
})

test('COPY with If-Match copies the content that it names, and no later one', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url, store } = await startTestServer(t, { engine })
  const { hash } = await store.put('one', { name: 'a' })
  const get = engine.get
  engine.get = async (key, prove, options) => {
    const value = await get(key, prove, options)
    engine.get = get
    await store.put('two', { name: 'a' })
    return value
  }
  const headers = { Destination: '/files/b', 'If-Match': `"${hash}"` }
  t.is((await ask(`${url}/files/a`, { method: 'COPY', headers })).status, 201)
  t.is((await store.get('b')).hash, hash)
})

test('COPY and MOVE name the content, with its type and the rest of its life', async (t) => {
  const { url, store } = await startTestServer(t, { basePath: '/cache' })
  const send = (method: string, from: string, to: string, headers = {}) =>
    ask(`${url}/files/${from}`, { method, headers: { Destination: to, ...headers } })
  const attributes = { 'content-encoding': 'br' }
  const { hash } = await store.put('content', { name: 'a', type: 'a/b', ttl: 500, attributes })
  t.is((await send('COPY', 'a', `${url}/files/na%C3%AFve`)).status, 201)
  const copy = await store.get({ name: 'naïve' })
  t.like(copy, { hash, type: 'a/b', attributes })
  t.true(copy.ttl > 400 && copy.ttl <= 500)

  t.is((await send('MOVE', 'a', '/cache/files/b', { Overwrite: 'F' })).status, 201)
  await t.throwsAsync(store.get({ name: 'a' }), { code: 'not-found' })
  const taken = await send('MOVE', 'b', '/files/na%C3%AFve', { Overwrite: 'F' })
  assertProblem(t, taken, 412, 'precondition-failed')
  const other = await send('MOVE', 'b', '/files/c', { 'If-Match': '"other"' })
  assertProblem(t, other, 412, 'precondition-failed')

  assertProblem(t, await send('MOVE', 'b', 'http://other.example/files/c'), 400, 'bad-request')
  assertProblem(t, await send('MOVE', 'b', 'c'), 400, 'bad-request')
  assertProblem(t, await send('MOVE', 'b', '/files/%FF'), 400, 'bad-request')
  for (const to of ['/cache/files/b', '/files/dir/', '/blobs/x', '/']) {
    assertProblem(t, await send('MOVE', 'b', to), 403, 'forbidden')
  }
  assertProblem(t, await send('COPY', 'dir/', '/files/c'), 403, 'forbidden')
  assertProblem(t, await send('COPY', 'none', '/files/c'), 404, 'not-found')
  t.is((await store.get({ name: 'b' })).hash, hash)
  await t.throwsAsync(store.get({ name: 'c' }), { code: 'not-found' })
})

test('COPY and MOVE need no more than GET does: not the link by hash', async (t) => {
  const { url, store } = await startTestServer(t)
  const { hash } = await store.put('content', { name: 'a' })
  for (const [method, from, to] of [
    ['COPY', 'a', 'b'],
    ['MOVE', 'b', 'c'],
  ] as const) {
    await store.delete({ hash })
    const headers = { Destination: `/files/${to}` }
    t.is((await ask(`${url}/files/${from}`, { method, headers })).status, 201, method)
    t.is((await ask(`${url}/files/${to}`)).text, 'content')
  }
})

test('MOVE leaves what was uploaded as its source meanwhile', async (t) => {
  for (const newer of ['newer', 'content']) {
    const engine = new FaultyEngine(memory())
    const { url, store } = await startTestServer(t, { engine })
    const { storedAt } = await store.put('content', { name: 'a' }).then(() => store.get('a'))
    const { add } = engine
    engine.add = async (...args) => {
      engine.add = add
      while (Date.now() === storedAt.getTime()) await new Promise(setImmediate)
      await store.put(newer, { name: 'a' })
      return add(...args)
    }
    const headers = { Destination: '/files/b' }
    t.is((await ask(`${url}/files/a`, { method: 'MOVE', headers })).status, 201)
    t.is(await (await store.get('b')).text(), 'content')
    t.is(await (await store.get('a')).text(), newer)
  }
})

test('COPY and MOVE refuse fields that could be read in two ways', async (t) => {
  const { url, store } = await startTestServer(t)
  await store.put('content', { name: 'a' })
  await store.put('other', { name: 'b' })
  const send = (headers: Record<string, string | string[]>) =>
    ask(`${url}/files/a`, { method: 'MOVE', headers })
  const Destination = '/files/b'
  for (const headers of [
    { Destination: [Destination, '/files/c'] },
    { Destination, Overwrite: ['F', 'F'] },
    { Destination, Overwrite: 'false' },
  ]) {
    assertProblem(t, await send(headers), 400, 'bad-request')
  }
  t.is(await (await store.get('a')).text(), 'content')
  t.is(await (await store.get('b')).text(), 'other')
})
