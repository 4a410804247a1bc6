import test from 'ava'
import { createApp, startServer } from '../../../src/http/index.ts'
import { FileStore, InvalidArgumentError, memory } from '../../../src/index.ts'
import { ask } from '../../helpers/http.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { exchange, parseAnswer } from '../../helpers/raw-http.ts'
import { startTestServer } from '../../helpers/server.ts'

const NO_NAMES = { allowedHosts: [] }

test('a request has exactly one Host, and a well-formed one', async (t) => {
  const { url } = await startTestServer(t, { access: { tokens: ['t'], publicRead: true } })
  const last = ['Connection: close', '', '']
  for (const hosts of [
    [],
    ['Host: a', 'Host: a'],
    ['Host: a', 'HOST: b'],
    ...['', 'a b@c', 'user@a', 'a/b', 'a:b', 'a:1:2', '[::1', '::1', '%zz', 'a%2', 'a?b', 'ä'].map(
      (host) => [`Host: ${host}`],
    ),
  ]) {
    const answer = await exchange(t, url, 'GET /healthz HTTP/1.1', ...hosts, ...last)
    t.is(parseAnswer(answer).status, 400, String(hosts))
  }
  for (const host of [
    'a',
    'A:80',
    'a.b-c_d',
    '[::1]:80',
    '127.0.0.1',
    'xn--caf-dma.example',
    'a:',
  ]) {
    const answer = await exchange(t, url, 'GET /healthz HTTP/1.1', `Host: ${host}`, ...last)
    t.is(parseAnswer(answer).status, 200, host)
  }
  const twice = ['Host: a', 'Host: b', '', '']
  t.is(parseAnswer(await exchange(t, url, 'GET /healthz HTTP/1.0', ...twice)).status, 400)
})

test('a web page that has its own name point here reads, writes and deletes nothing', async (t) => {
  const { url, store } = await startTestServer(t, NO_NAMES)
  await store.put('content', { name: 'there' })
  const { port } = new URL(url)
  const site = `rebound.example:${port}`
  const asks: [string, string, Record<string, string>?][] = [
    ['GET', '/files/there'],
    ['HEAD', '/files/there'],
    ['PUT', '/files/forged'],
    ['POST', '/files/forged', { Origin: `http://${site}`, 'Sec-Fetch-Site': 'same-origin' }],
    ['POST', '/files', { Origin: `http://${site}` }],
    ['POST', '/blobs/missing'],
    ['DELETE', '/files/there'],
    ['OPTIONS', '/files/there'],
    ['GET', '/'],
    ['GET', '/fleet'],
    ['GET', '/metrics'],
    ['GET', `/ac/${'0'.repeat(64)}`],
    ['PUT', `/ac/${'0'.repeat(64)}`],
    ['PROPFIND', '/files/'],
    ['GET', '/nowhere'],
  ]
  for (const [method, path, headers = {}] of asks) {
    const answer = await ask(url + path, { method, headers: { ...headers, Host: site } })
    t.is(answer.status, 403, `${method} ${path}`)
    t.is(answer.headers['cache-status'], 'blobcached; detail=forbidden')
    if (method !== 'HEAD') t.regex(answer.text, /rebound\.example.*--allowed-host/)
  }
  const target = `GET http://${site}/files/there HTTP/1.1`
  const answer = await exchange(t, url, target, 'Host: localhost', 'Connection: close', '', '')
  t.is(parseAnswer(answer).status, 403)
  t.false(await store.isReadable({ name: 'forged' }))
  t.true(await store.isReadable({ name: 'there' }))
})

test('without a token, a server answers for its own machine and the names it is told', async (t) => {
  const own = [
    '127.0.0.1',
    '10.1.2.3:8080',
    '[::1]:8080',
    'localhost',
    'LOCALHOST.',
    'a.localhost:1',
  ]
  const others = ['cache', 'cache.example:80', '1.2.3', 'localhost.example', '127.0.0.1.example']
  const status = async (url: string, Host: string) =>
    (await ask(`${url}/healthz`, { headers: { Host } })).status
  const strict = await startTestServer(t, NO_NAMES)
  for (const host of own) t.is(await status(strict.url, host), 200, host)
  for (const host of others) t.is(await status(strict.url, host), 403, host)
  const told = await startTestServer(t, { allowedHosts: ['Cache', 'cache.example'] })
  for (const host of [...own, 'cache', 'cache.EXAMPLE:80']) t.is(await status(told.url, host), 200)
  t.is(await status(told.url, 'other.example'), 403)
  const all = await startTestServer(t, { allowedHosts: ['*'] })
  for (const host of others) t.is(await status(all.url, host), 200, host)
  const named = await startTestServer(t, { ...NO_NAMES, access: { readTokens: ['t'] } })
  for (const host of others) t.is(await status(named.url, host), 200, host)
  const refused = { instanceOf: InvalidArgumentError, message: /host.*"a b"/ }
  t.throws(() => createApp(new FileStore(memory()), { allowedHosts: ['a b'] }), refused)
})

test('a name that the server listens on is its own', async (t) => {
  const store = new FileStore(memory())
  const server = await startServer(store, { host: '0', port: 0, graceMs: 0 }) // Which is 0.0.0.0.
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${new URL(server.url).port}/healthz`
  t.is((await ask(url, { headers: { Host: '0' } })).status, 200)
  assertProblem(t, await ask(url, { headers: { Host: '1' } }), 403, 'forbidden')
})
