import test, { type ExecutionContext } from 'ava'
import type { AccessOptions } from '../../../src/http/index.ts'
import { InvalidArgumentError, memory } from '../../../src/index.ts'
import { FaultyEngine, follow } from '../../helpers/faulty-engine.ts'
import { exchange } from '../../helpers/raw-http.ts'
import { startTestServer } from '../../helpers/server.ts'

const HASH = 'a'.repeat(64)
const tokens = ['writer-1', 'writer-2']
const readTokens = ['reader-1', 'reader-2']

const PATHS = [
  ['', ''],
  ['below a base path, ', '/cache'],
] as const

async function start(t: ExecutionContext, access: AccessOptions, basePath = '') {
  const engine = new FaultyEngine(memory())
  const { url, store } = await startTestServer(t, { access, engine, basePath })
  await store.put('content', { name: 'there' })
  const calls = follow(engine)
  const ask = (method: string, path: string, token?: string, body?: string) =>
    fetch(url + path, {
      method,
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      ...(body !== undefined && { body }),
    })
  return { url, store, calls, ask }
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

for (const [where, basePath] of PATHS) {
  test(`${where}with a token set, nothing but what is open answers without one, or looks at anything`, async (t) => {
    const { ask, calls } = await start(t, { tokens }, basePath)
    const closed = [
      ['GET', '/files/there'],
      ['GET', '/files/none'],
      ['GET', '/files/%zz'],
      ['HEAD', '/files/there'],
      ['PUT', '/files/new'],
      ['PUT', '/files/%zz'],
      ['PUT', `/blobs/${HASH}`],
      ['POST', '/files'],
      ['DELETE', '/files/there'],
      ['GET', `/blobs/${HASH}`],
      ['POST', '/blobs/missing'],
      ['POST', '/blobs/batch'],
      ['GET', '/metrics'],
      ['GET', '/fleet'],
      ['GET', '/no/such/route'],
      ['PUT', '/v1/cache/1'],
      ['POST', '/files/v8/artifacts'],
      ['COPY', '/files/there'],
      ['MOVE', '/files/there'],
      ['MKCOL', '/files/dir/'],
      ['PROPFIND', '/files/there'],
      ['PROPFIND', '/files/'],
    ] as const
    for (const [method, path] of closed) {
      const answer = await ask(method, path)
      t.is(answer.status, 401, `${method} ${path}`)
      t.regex(answer.headers.get('WWW-Authenticate')!, /Bearer realm="blobcached", Basic realm=/)
      t.is(answer.headers.get('Cache-Status'), 'blobcached; detail=unauthorized')
    }
    t.deepEqual(calls, [])
    for (const path of ['/healthz', '/readyz']) t.is((await ask('GET', path)).status, 200, path)
    for (const path of ['/', '/assets/x']) t.not((await ask('GET', path)).status, 401, path)
  })
}

test('every token of both kinds reads, as Bearer and as the password of any user', async (t) => {
  const { url, ask } = await start(t, { tokens, readTokens })
  for (const token of [...tokens, ...readTokens]) {
    t.is((await ask('GET', '/files/there', token)).status, 200, token)
    for (const Authorization of [basic('anyone', token), basic('', token), `bEaReR  ${token}`]) {
      const answer = await fetch(`${url}/files/there`, { headers: { Authorization } })
      t.is(await answer.text(), 'content', Authorization)
    }
  }
})

for (const [where, basePath] of PATHS) {
  test(`${where}a token to read with is forbidden to write, one to write with is not`, async (t) => {
    const { url, ask, store, calls } = await start(t, { tokens, readTokens }, basePath)
    for (const [method, path] of [
      ['PUT', '/files/there'],
      ['PUT', '/files/%zz'],
      ['POST', '/files'],
      ['DELETE', '/files/there'],
      ['PUT', `/blobs/${HASH}`],
      ['COPY', '/files/there'],
      ['MOVE', '/files/there'],
      ['MKCOL', '/files/dir/'],
    ] as const) {
      const body = /^P/.test(method) ? 'forged' : undefined
      const answer = await ask(method, path, 'reader-2', body)
      t.is(answer.status, 403, `${method} ${path}`)
      t.is(((await answer.json()) as { reason: string }).reason, 'forbidden')
    }
    const put = (password: string) =>
      fetch(`${url}/files/there`, {
        method: 'PUT',
        headers: { Authorization: basic('anyone', password) },
        body: 'newest',
      })
    t.is((await put('reader-1')).status, 403)
    t.deepEqual(calls, [])
    t.is((await ask('PROPFIND', '/files/there', 'reader-2')).status, 207)
    t.is(String(await (await store.get('there')).bytes()), 'content')
    t.is((await ask('PUT', '/files/there', 'writer-2', 'newer')).status, 200)
    t.is((await put('writer-1')).status, 200)
  })
}

test('what is nearly a token is none', async (t) => {
  const { url } = await start(t, { tokens: ['secret:with:colons'] })
  const status = async (Authorization: string) =>
    (await fetch(`${url}/files/there`, { headers: { Authorization } })).status
  for (const wrong of [
    'Bearer',
    'Bearer secret',
    'Bearer secret:with:colons2',
    'Bearer secret:with:colons extra',
    'Digest secret:with:colons',
    'secret:with:colons',
    'Basic secret:with:colons',
    basic('secret:with:colons', ''),
    `Basic ${Buffer.from('secret:with').toString('base64')}`,
  ]) {
    t.is(await status(wrong), 401, wrong)
  }
  t.is(await status(basic('user', 'secret:with:colons')), 200)
})

test('public reading opens files and questions, and neither writing nor metrics', async (t) => {
  const { ask } = await start(t, { tokens, publicRead: true })
  t.is((await ask('GET', '/files/there')).status, 200)
  t.is((await ask('HEAD', '/files/there', 'not-a-token')).status, 200)
  t.not((await ask('POST', '/blobs/missing', undefined, '{"hashes":[]}')).status, 401)
  t.is((await ask('PUT', '/files/there', undefined, 'forged')).status, 401)
  t.is((await ask('DELETE', '/files/there')).status, 401)
  t.is((await ask('GET', '/metrics')).status, 401)
  t.is((await ask('GET', '/metrics', 'writer-1')).status, 200)
})

test('with tokens to read with alone, nobody may write', async (t) => {
  const { ask } = await start(t, { readTokens })
  t.is((await ask('GET', '/files/there', 'reader-1')).status, 200)
  t.is((await ask('PUT', '/files/there', 'reader-1', 'x')).status, 403)
  t.is((await ask('PUT', '/files/there', undefined, 'x')).status, 401)
})

test('who may not write is told before the body is asked for', async (t) => {
  const { url } = await start(t, { tokens, readTokens })
  const put = (authorization: string, body = '') =>
    exchange(
      t,
      url,
      'PUT /files/there HTTP/1.1',
      'Host: x',
      `Authorization: ${authorization}`,
      'Content-Length: 4',
      'Expect: 100-continue',
      'Connection: close',
      '',
      body,
    )
  t.regex(await put(''), /^HTTP\/1.1 401 /)
  t.regex(await put('Bearer reader-1'), /^HTTP\/1.1 403 /)
  t.regex(await put('Bearer writer-1', 'body'), /^HTTP\/1.1 100 .*HTTP\/1.1 200 /s)
})

test('Nx is refused in the one way that it understands', async (t) => {
  const { ask } = await start(t, { tokens })
  const answer = await ask('GET', '/v1/cache/1')
  t.is(answer.status, 401)
  t.is(answer.headers.get('Content-Type'), 'text/plain')
})

test('Turborepo may ask which artifacts there are with a token to read with', async (t) => {
  const { ask } = await start(t, { tokens, readTokens })
  t.is((await ask('POST', '/v8/artifacts/events', 'reader-1', '[]')).status, 200)
  t.is((await ask('PUT', '/v8/artifacts/1', 'reader-1', 'x')).status, 403)
})

test('an empty token is refused, for it would let everyone in', async (t) => {
  await t.throwsAsync(startTestServer(t, { access: { tokens: [''] } }), {
    instanceOf: InvalidArgumentError,
  })
})
