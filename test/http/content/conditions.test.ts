import test from 'ava'
import { memory } from '../../../src/index.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { backdate } from '../../helpers/records.ts'
import { startTestServer } from '../../helpers/server.ts'

const HOUR = 3600 * 1000

test('reads answer 304 and 412 in the order of RFC 9110, 13.2.2', async (t) => {
  const { url, store, engine } = await startTestServer(t)
  const { hash } = await store.put('content', { name: 'f' })
  const modified = new Date(await backdate(engine, 'f'))
  const at = (shift: number) => new Date(modified.getTime() + shift).toUTCString()
  const table = [
    { headers: { 'If-None-Match': `"${hash}"` }, status: 304 },
    { headers: { 'If-None-Match': `W/"${hash}"` }, status: 304 },
    { headers: { 'If-None-Match': `"a,b", "${hash}"` }, status: 304 },
    { headers: { 'If-None-Match': hash }, status: 304 },
    { headers: { 'If-None-Match': '*' }, status: 304 },
    { headers: { 'If-None-Match': '"other"' }, status: 200 },
    { headers: { 'If-None-Match': ', ;"' }, status: 200 },
    { headers: { 'If-Modified-Since': at(0) }, status: 304 },
    { headers: { 'If-Modified-Since': at(HOUR) }, status: 304 },
    { headers: { 'If-Modified-Since': at(-HOUR) }, status: 200 },
    { headers: { 'If-Modified-Since': 'yesterday' }, status: 200 },
    { headers: { 'If-Modified-Since': modified.toISOString() }, status: 200 },
    { headers: { 'If-Modified-Since': at(0), 'If-None-Match': '"other"' }, status: 200 },
    { headers: { 'If-Modified-Since': 'Sunday, 06-Nov-94 08:49:37 GMT' }, status: 200 },
    { headers: { 'If-Match': `"${hash}"` }, status: 200 },
    { headers: { 'If-Match': '*' }, status: 200 },
    { headers: { 'If-Match': '' }, status: 200 },
    { headers: { 'If-Match': '"other"' }, status: 412 },
    { headers: { 'If-Match': `W/"${hash}"` }, status: 412 },
    { headers: { 'If-Match': '"other"', 'If-None-Match': `"${hash}"` }, status: 412 },
    { headers: { 'If-Match': `"${hash}"`, 'If-None-Match': `"${hash}"` }, status: 304 },
    { headers: { 'If-Match': `"${hash}"`, 'If-Unmodified-Since': at(-HOUR) }, status: 200 },
    { headers: { 'If-Unmodified-Since': at(-HOUR) }, status: 412 },
    { headers: { 'If-Unmodified-Since': at(0) }, status: 200 },
    { headers: { 'If-Unmodified-Since': 'never' }, status: 200 },
  ]
  for (const { headers, status } of table) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await ask(`${url}/files/f`, { method, headers })
      t.is(answer.status, status, `${method} ${JSON.stringify(headers)}`)
    }
  }
})

test('304 says what 200 would, and touches no chunk', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url, store } = await startTestServer(t, { engine })
  const { hash } = await store.put('content', { name: 'f' })
  await backdate(engine, 'f')
  const keys: string[] = []
  engine.get = (key, prove, options) => {
    keys.push(key)
    return engine.inner.get(key, prove, options)
  }
  engine.touch = async () => t.fail('touched')
  for (const path of ['/files/f', `/blobs/${hash}`]) {
    const full = await ask(url + path)
    keys.length = 0
    const answer = await ask(url + path, { headers: { 'If-None-Match': `"${hash}"` } })
    t.is(answer.status, 304)
    t.is(answer.body.length, 0)
    for (const name of ['etag', 'cache-control', 'last-modified']) {
      t.is(answer.headers[name], full.headers[name], name)
    }
    t.deepEqual(
      keys.filter((key) => key.startsWith('c:')),
      [],
    )
  }
})

test('dates mean nothing to content by hash, which is never modified', async (t) => {
  const { url, store } = await startTestServer(t)
  const { hash } = await store.put('content')
  const future = new Date(Date.now() + HOUR).toUTCString()
  const past = new Date(0).toUTCString()
  for (const headers of [{ 'If-Modified-Since': future }, { 'If-Unmodified-Since': past }]) {
    t.is((await ask(`${url}/blobs/${hash}`, { headers })).status, 200)
  }
})

test('a condition on what is not there is 404 to a reader', async (t) => {
  const { url } = await startTestServer(t)
  for (const headers of [{ 'If-Match': '*' }, { 'If-None-Match': '*' }]) {
    t.is((await ask(`${url}/files/none`, { headers })).status, 404)
    t.is((await ask(`${url}/files/none`, { method: 'DELETE', headers })).status, 404)
  }
})

test('If-None-Match: * makes an upload create-only', async (t) => {
  const { url, store } = await startTestServer(t)
  const headers = { 'If-None-Match': '*' }
  const put = (path: string, body: string) => ask(url + path, { method: 'PUT', headers, body })

  t.is((await put('/files/f', 'first')).status, 201)
  const second = await put('/files/f', 'second')
  t.is(second.status, 412)
  t.like(second.json(), { reason: 'precondition-failed' })
  t.is((await ask(`${url}/files/f`)).text, 'first')

  const { hash } = await store.put('by hash')
  t.is((await put(`/blobs/${hash}`, 'by hash')).status, 412)
  await store.delete(hash)
  t.is((await put(`/blobs/${hash}`, 'by hash')).status, 201)
})

test('an upload with a * among other tags of If-None-Match replaces nothing either', async (t) => {
  const { url, store } = await startTestServer(t)
  const { hash } = await store.put('first', { name: 'f' })
  const send = (method: string, path: string, tags: string | string[], body?: string) =>
    ask(url + path, { method, headers: { 'If-None-Match': tags }, ...(body && { body }) })
  for (const tags of [['*', '*'], '*, "x"', '"x" , *', '"x"*', '"a b, *', 'W/*', ['"*"', '*']]) {
    const what = String(tags)
    t.is((await send('PUT', '/files/f', tags, 'second')).status, 412, what)
    t.is((await send('PUT', `/blobs/${hash}`, tags, 'first')).status, 412, what)
    t.is((await send('DELETE', '/files/f', tags)).status, 412, what)
    t.is((await send('GET', '/files/f', tags)).text, 'first', what)
  }
  t.is((await send('PUT', '/files/f', '"*", "a*b"', 'second')).status, 200)
  t.is((await send('PUT', '/files/new', ['*', '*'], 'first')).status, 201)
  const atOnce = ['a', 'b'].map((body) => send('PUT', '/files/g', '*, "x"', body))
  t.deepEqual((await Promise.all(atOnce)).map(({ status }) => status).sort(), [201, 412])
})

test('create-only takes the place of a file that cannot be read any more', async (t) => {
  const { url, store, engine } = await startTestServer(t)
  const { hash } = await store.put('content', { name: 'f' })
  await engine.delete(`c:${hash}`)
  const headers = { 'If-None-Match': '*' }
  t.is((await ask(`${url}/files/f`, { method: 'PUT', headers, body: 'new' })).status, 200)
  t.is((await ask(`${url}/files/f`)).text, 'new')
})

test('of many that create one name at once, exactly one does', async (t) => {
  const { url } = await startTestServer(t)
  const headers = { 'If-None-Match': '*' }
  const bodies = Array.from({ length: 10 }, (_, index) => `content ${index}`)
  const answers = await Promise.all(
    bodies.map((body) => ask(`${url}/files/one`, { method: 'PUT', headers, body })),
  )
  const statuses = answers.map((answer) => answer.status).sort()
  t.deepEqual(statuses, [201, ...Array(9).fill(412)])
  const winner = answers.findIndex((answer) => answer.status === 201)
  t.is((await ask(`${url}/files/one`)).text, bodies[winner]!)
})

test('If-Match lets an upload replace and DELETE remove the content it names only', async (t) => {
  const { url, store } = await startTestServer(t)
  const { hash } = await store.put('one', { name: 'f' })
  const send = (method: string, tag: string, body?: string) =>
    ask(`${url}/files/f`, { method, headers: { 'If-Match': tag }, ...(body && { body }) })

  t.is((await send('PUT', '"other"', 'two')).status, 412)
  t.is((await send('DELETE', '"other"')).status, 412)
  for (const tags of ['garbage,,"', '*, *', '*, "x"']) {
    t.is((await send('PUT', tags, 'two')).status, 412, tags)
  }
  t.is((await ask(`${url}/files/f`)).text, 'one')

  const replaced = await send('PUT', `"${hash}"`, 'two')
  t.is(replaced.status, 200)
  t.is((await send('DELETE', String(replaced.headers.etag))).status, 204)
  t.is((await send('PUT', '*', 'three')).status, 412)
  t.is((await ask(`${url}/files/f`)).status, 404)
})

test('If-Match holds when the upload ends, not only when it began', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url, store } = await startTestServer(t, { engine })
  const { hash } = await store.put('one', { name: 'f' })
  engine.set = async (key, value, options) => {
    engine.set = engine.inner.set.bind(engine.inner)
    await store.put('meanwhile', { name: 'f' })
    return engine.inner.set(key, value, options)
  }
  const headers = { 'If-Match': `"${hash}"` }
  const answer = await ask(`${url}/files/f`, { method: 'PUT', headers, body: 'two' })
  t.is(answer.status, 412)
  t.is((await ask(`${url}/files/f`)).text, 'meanwhile')
})

for (const method of ['PUT', 'DELETE']) {
  test(`${method} with If-Match leaves alone what is stored in its last moment`, async (t) => {
    const engine = new FaultyEngine(memory())
    const { url, store } = await startTestServer(t, { engine })
    const { hash } = await store.put('one', { name: 'f' })
    const late = async () => {
      engine.look = engine.inner.look!.bind(engine.inner)
      await store.put('meanwhile', { name: 'f' })
    }
    engine.look = async (key) => {
      const slot = await engine.inner.look!(key)
      const put: typeof slot.put = (value, ttl) => late().then(() => slot.put(value, ttl))
      return { ...slot, put }
    }
    const headers = { 'If-Match': `"${hash}"` }
    const body = method === 'PUT' ? { body: 'two' } : {}
    t.is((await ask(`${url}/files/f`, { method, headers, ...body })).status, 412)
    t.is((await ask(`${url}/files/f`)).text, 'meanwhile')
  })
}

test('If-Unmodified-Since and a plain If-None-Match guard an upload too', async (t) => {
  const { url, store } = await startTestServer(t)
  const { hash } = await store.put('one', { name: 'f' })
  for (const headers of [
    { 'If-Unmodified-Since': new Date(0).toUTCString() },
    { 'If-None-Match': `"${hash}"` },
  ]) {
    t.is((await ask(`${url}/files/f`, { method: 'PUT', headers, body: 'two' })).status, 412)
  }
  t.is((await ask(`${url}/files/f`)).text, 'one')
})
