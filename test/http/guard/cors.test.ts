import test from 'ava'
import { InvalidArgumentError } from '../../../src/index.ts'
import { startTestServer } from '../../helpers/server.ts'

const SITE = 'https://app.example:8443'
const other = { Origin: 'https://evil.example' }

test('a page of an allowed site may read, and see what describes the content', async (t) => {
  const { url, store } = await startTestServer(t, { corsOrigins: [SITE, 'http://localhost:3000'] })
  await store.put('content', { name: 'there' })
  for (const path of ['/files/there', '/files/not-there']) {
    const { headers } = await fetch(url + path, { headers: { Origin: SITE } })
    t.is(headers.get('Access-Control-Allow-Origin'), SITE, path)
    t.is(headers.get('Access-Control-Allow-Credentials'), null)
    t.regex(headers.get('Vary')!, /\bOrigin\b/)
    const exposed = headers.get('Access-Control-Expose-Headers')!.split(',')
    for (const name of ['ETag', 'Repr-Digest', 'Cache-Status', 'Content-Range', 'Location']) {
      t.true(exposed.includes(name), name)
    }
  }
})

test('the browser is told beforehand what such a page may send, without a token', async (t) => {
  const { url } = await startTestServer(t, { corsOrigins: [SITE], access: { tokens: ['t'] } })
  const answer = await fetch(`${url}/files/new`, {
    method: 'OPTIONS',
    headers: {
      Origin: SITE,
      'Access-Control-Request-Method': 'PUT',
      'Access-Control-Request-Headers': 'authorization,content-type,if-none-match',
    },
  })
  t.is(answer.status, 204)
  t.is(answer.headers.get('Access-Control-Allow-Origin'), SITE)
  t.regex(answer.headers.get('Access-Control-Allow-Methods')!, /\bPUT\b.*\bDELETE\b/)
  t.regex(answer.headers.get('Access-Control-Allow-Headers')!, /authorization/)
  t.is(answer.headers.get('Access-Control-Max-Age'), '86400')
})

test('a page of another site gets no permission, nor does anyone by default', async (t) => {
  for (const corsOrigins of [[SITE], []]) {
    const { url } = await startTestServer(t, { corsOrigins })
    const get = await fetch(`${url}/healthz`, { headers: other })
    const preflight = await fetch(`${url}/files/new`, {
      method: 'OPTIONS',
      headers: { ...other, 'Access-Control-Request-Method': 'PUT' },
    })
    for (const { headers } of [get, preflight]) {
      t.deepEqual(
        [...headers.keys()].filter((name) => name.startsWith('access-control-')),
        [],
      )
    }
  }
})

test('* allows every site', async (t) => {
  const { url } = await startTestServer(t, { corsOrigins: ['*'] })
  const { headers } = await fetch(`${url}/healthz`, { headers: other })
  t.is(headers.get('Access-Control-Allow-Origin'), '*')
})

for (const origin of ['https://app.example/', 'app.example', 'https://app.example/path', '']) {
  test(`no browser would send ${JSON.stringify(origin)}`, async (t) => {
    await t.throwsAsync(startTestServer(t, { corsOrigins: [origin] }), {
      instanceOf: InvalidArgumentError,
    })
  })
}
