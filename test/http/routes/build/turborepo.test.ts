import test, { type ExecutionContext } from 'ava'
import { Digest } from '../../../../src/index.ts'
import { bytes } from '../../../helpers/bytes.ts'
import { startTestServer } from '../../../helpers/server.ts'

const HASH = '1c1963212d27ebaa'
const ARTIFACT = bytes('artifact', 5000)

async function startCache(t: ExecutionContext) {
  const { url, engine } = await startTestServer(t, { drainMs: 100, store: { chunkSize: 1000 } })
  const request = async (path: string, init?: RequestInit) => {
    const answer = await fetch(url + path, init)
    return { status: answer.status, headers: answer.headers, body: await answer.text() }
  }
  const put = (path: string, headers: Record<string, string> = {}) =>
    request(path, {
      method: 'PUT',
      body: ARTIFACT,
      headers: {
        'Content-Type': 'application/octet-stream',
        'x-artifact-duration': '283',
        ...headers,
      },
    })
  return { url, engine, request, put }
}

test('caching is enabled, and events are taken', async (t) => {
  const { request } = await startCache(t)
  const status = await request('/v8/artifacts/status?slug=team')
  t.is(status.status, 200)
  t.deepEqual(JSON.parse(status.body), { status: 'enabled' })
  const events = await request('/v8/artifacts/events?slug=team', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify([{ sessionId: 's', source: 'REMOTE', event: 'MISS', hash: HASH }]),
  })
  t.is(events.status, 200)
})

test('an artifact comes back with what was said of it', async (t) => {
  const { url, put } = await startCache(t)
  const said = {
    'x-artifact-tag': 'Tc0BmHvJYMIYJ62/zx87YqO0Flxk+5Ovip25NY825CQ=',
    'x-artifact-sha': 'c0ffee',
    'x-artifact-dirty-hash': 'd1e7',
  }
  const stored = await put(`/v8/artifacts/${HASH}?slug=team`, said)
  t.is(stored.status, 200)
  t.true(Array.isArray(JSON.parse(stored.body).urls))
  t.is((await put(`/v8/artifacts/${HASH}?slug=team`, said)).status, 200)

  for (const method of ['GET', 'HEAD']) {
    const answer = await fetch(`${url}/v8/artifacts/${HASH}?slug=team`, { method })
    t.is(answer.status, 200)
    t.is(answer.headers.get('content-length'), '5000')
    t.is(answer.headers.get('x-artifact-duration'), '283')
    for (const [name, value] of Object.entries(said)) t.is(answer.headers.get(name), value)
    const body = Buffer.from(await answer.arrayBuffer())
    t.deepEqual(body, method === 'GET' ? ARTIFACT : Buffer.alloc(0))
  }
})

test('artifacts are apart for each team', async (t) => {
  const { request, put } = await startCache(t)
  await put(`/v8/artifacts/${HASH}?slug=one`)
  const status = async (query: string) => (await request(`/v8/artifacts/${HASH}${query}`)).status
  t.is(await status('?slug=one'), 200)
  t.is(await status('?other=parameter&slug=one'), 200)
  const others = ['', '?slug=', '?slug=two', '?teamId=one', '?teamId=t&slug=one', '?slug=one%26x=1']
  for (const query of others) t.is(await status(query), 404, query)
  t.is((await request(`/v8/artifacts/${HASH}%3Fslug=one`)).status, 404)
  t.is((await request(`/prefix/v8/artifacts/${HASH}?slug=one`)).status, 404)
  t.is(await status('?slug=one&slug=two'), 400)
})

test('a query tells which artifacts of a team are there', async (t) => {
  const { request, put } = await startCache(t)
  await put(`/v8/artifacts/${HASH}?teamId=team_1`, { 'x-artifact-tag': 'signature' })
  await put('/v8/artifacts/other?slug=team')
  const query = (team: string, body: string) =>
    request(`/v8/artifacts?${team}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    })
  const answer = await query(
    'teamId=team_1',
    JSON.stringify({ hashes: [HASH, 'other', 'x?slug=y'] }),
  )
  t.is(answer.status, 200)
  t.deepEqual(JSON.parse(answer.body), {
    [HASH]: { size: 5000, taskDurationMs: 283, tag: 'signature' },
    other: null,
    'x?slug=y': null,
  })
  t.deepEqual(JSON.parse((await query('', JSON.stringify({ hashes: ['other?slug=team'] }))).body), {
    'other?slug=team': null,
  })
  for (const body of ['', 'nonsense', '[]', '{}', '{"hashes":"a"}', '{"hashes":[1]}']) {
    t.is((await query('', body)).status, 400, body)
  }
  t.is((await query('', JSON.stringify({ hashes: Array(1001).fill('a') }))).status, 400)
  t.is((await query('', JSON.stringify({ hashes: ['a'.repeat(2_000_000)] }))).status, 413)
})

test('a lost chunk is a miss, for HEAD and queries too', async (t) => {
  const { request, put, engine } = await startCache(t)
  const path = `/v8/artifacts/${HASH}`
  await put(path)
  await engine.delete(`c:${Digest.of(ARTIFACT.subarray(3000, 4000)).hex}`)
  for (const method of ['HEAD', 'GET']) t.is((await request(path, { method })).status, 404)
  const answer = await request('/v8/artifacts', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ hashes: [HASH] }),
  })
  t.deepEqual(JSON.parse(answer.body), { [HASH]: null })
})

test('a preflight lets the client send its token', async (t) => {
  const { request } = await startCache(t)
  for (const path of [`/v8/artifacts/${HASH}?slug=x`, '/v8/artifacts/events?slug=x']) {
    const { status, headers } = await request(path, {
      method: 'OPTIONS',
      headers: {
        'Access-Control-Request-Method': 'GET',
        'Access-Control-Request-Headers': 'Authorization, User-Agent',
      },
    })
    t.is(status, 204)
    t.regex(headers.get('access-control-allow-headers')!, /\bAuthorization\b/)
  }
})

test('nothing but what belongs to an artifact comes back as headers', async (t) => {
  const { url, store } = await startTestServer(t)
  const attributes = { 'set-cookie': 'a=b', 'x-artifact-tag': 'two\nlines', 'x-artifact-sha': 'c0' }
  await store.put('content', { name: `v8/artifacts/${HASH}`, attributes })
  const { status, headers } = await fetch(`${url}/v8/artifacts/${HASH}`)
  t.is(status, 200)
  t.is(headers.get('x-artifact-sha'), 'c0')
  t.is(headers.get('set-cookie'), null)
  t.is(headers.get('x-artifact-tag'), null)
})
