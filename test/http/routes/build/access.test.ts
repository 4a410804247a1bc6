import test from 'ava'
import { Digest } from '../../../../src/index.ts'
import { startTestServer } from '../../../helpers/server.ts'

const HASH = Digest.of(Buffer.from('content')).hex
const ROUTES = [
  `/ac/${HASH}`,
  `/bz/ac/${HASH}`,
  `/bz/cas/${HASH}`,
  '/v1/cache/1',
  '//v1/cache/1',
  '/v8/artifacts/abc?slug=x',
  '/v8/artifacts/status',
]
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })
const basic = (token: string) => ({
  Authorization: `Basic ${Buffer.from(`any:${token}`).toString('base64')}`,
})

test('every route of build tools asks for a token, as Bearer or Basic', async (t) => {
  const { url, store } = await startTestServer(t, { access: { tokens: ['w'], readTokens: ['r'] } })
  const status = async (path: string, init?: RequestInit) => {
    const answer = await fetch(url + path, init)
    await answer.arrayBuffer()
    return answer.status
  }
  await store.put('content')
  for (const path of ROUTES) {
    const put = { method: 'PUT', body: 'content' }
    for (const headers of [{}, bearer('x'), basic('x')]) {
      t.is(await status(path, { headers }), 401, path)
      if (!path.endsWith('status')) t.is(await status(path, { ...put, headers }), 401, path)
    }
    if (!path.endsWith('status')) {
      t.is(await status(path, { ...put, headers: bearer('r') }), 403, path)
      t.true((await status(path, { ...put, headers: basic('w') })) < 300, path)
    }
    for (const headers of [bearer('r'), basic('r'), bearer('w')]) {
      t.is(await status(path, { headers }), 200, path)
    }
  }
  for (const path of ['/v8/artifacts/events', '/v8/artifacts']) {
    const post = { method: 'POST', body: '{"hashes":[]}' }
    t.is(await status(path, post), 401)
    t.is(await status(path, { ...post, headers: bearer('r') }), 200)
  }
  const look = { method: 'PROPFIND', headers: { Depth: '0' } }
  t.is(await status('/files/a/', look), 401)
  t.is(await status('/files/a/', { ...look, headers: { Depth: '0', ...basic('r') } }), 207)
})

test('the folder of the page, which is open to all, is no prefix of a cache', async (t) => {
  const { url, store } = await startTestServer(t, { access: { tokens: ['w'] } })
  await store.put('content', { name: `assets/ac/${HASH}` })
  for (const path of [`/assets/cas/${HASH}`, `/assets/x/cas/${HASH}`, `/assets/ac/${HASH}`]) {
    t.is((await fetch(url + path)).status, 404, path)
  }
  for (const path of [`//assets/cas/${HASH}`, `/x/assets/cas/${HASH}`, `/Assets/cas/${HASH}`]) {
    t.is((await fetch(url + path)).status, 401, path)
  }
})

test('Nx gets its 401 as plain text without a charset', async (t) => {
  const { url } = await startTestServer(t, { access: { tokens: ['w'] } })
  const answer = await fetch(`${url}/v1/cache/1`, { headers: bearer('wrong') })
  t.is(answer.status, 401)
  t.is(answer.headers.get('content-type'), 'text/plain')
  t.not(answer.headers.get('www-authenticate'), null)
  t.regex(await answer.text(), /token/)
})
