import test from 'ava'
import { startTestServer } from '../../helpers/server.ts'

test('PUT /files/{name}?from=<hash> names content without its bytes', async (t) => {
  const { url, store } = await startTestServer(t)
  const { hash } = await store.put('content')

  const answer = await fetch(`${url}/files/a/b.txt?from=${hash}&ttl=60`, {
    method: 'PUT',
    headers: { 'Content-Type': 'text/plain' },
  })

  t.is(answer.status, 201)
  t.is(answer.headers.get('location'), '/files/a/b.txt')
  t.like(await answer.json(), { hash, size: 7, name: 'a/b.txt', type: 'text/plain' })
  const read = await fetch(`${url}/files/a/b.txt`)
  t.is(read.headers.get('content-type'), 'text/plain')
  t.is(await read.text(), 'content')
  t.is((await store.get({ name: 'a/b.txt' })).ttl, 60)
})

test('?from= of content that is not there is 404 with its reason and makes no name', async (t) => {
  const { url, store, engine } = await startTestServer(t)
  const { hash } = await store.put('content')
  await engine.delete(`c:${hash}`)

  for (const [from, reason] of [
    ['0'.repeat(64), 'not-found'],
    [hash, 'evicted'],
  ] as const) {
    const answer = await fetch(`${url}/files/n?from=${from}`, { method: 'PUT' })
    t.is(answer.status, 404)
    t.is(((await answer.json()) as { reason: string }).reason, reason)
  }
  t.is((await fetch(`${url}/files/n`)).status, 404)
})

test('?from= with a body, with no hash and with several is 400', async (t) => {
  const { url, store } = await startTestServer(t)
  const { hash } = await store.put('content')
  const refused = [
    { path: `/files/n?from=${hash}`, body: 'bytes' },
    { path: '/files/n?from=' },
    { path: `/files/n?from=${hash}&from=${hash}` },
  ]
  for (const { path, body } of refused) {
    const answer = await fetch(url + path, { method: 'PUT', ...(body !== undefined && { body }) })
    t.is(answer.status, 400, path)
    await answer.body?.cancel()
  }
  t.is((await fetch(`${url}/files/n`)).status, 404)
})

test('POST /files/{name}?from=<hash> leaves a readable file alone', async (t) => {
  const { url, store } = await startTestServer(t)
  await store.put('old', { name: 'n' })
  const { hash } = await store.put('new')

  const answer = await fetch(`${url}/files/n?from=${hash}`, { method: 'POST' })

  t.is(answer.status, 409)
  await answer.body?.cancel()
  t.is(await (await fetch(`${url}/files/n`)).text(), 'old')
})
