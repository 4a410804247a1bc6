import test from 'ava'
import { bytes } from '../../../helpers/bytes.ts'
import { startTestServer } from '../../../helpers/server.ts'

const OUTPUTS = bytes('outputs', 5000)

for (const prefix of ['', '/', '/team']) {
  test(`a task's outputs come back, and storing them is 200: ${prefix}/v1/cache`, async (t) => {
    const { url } = await startTestServer(t, { store: { chunkSize: 1000 } })
    const path = `${url}${prefix}/v1/cache/13977552615863009302`
    const miss = await fetch(path)
    t.is(miss.status, 404)
    await miss.arrayBuffer()
    for (const _ of ['new', 'replaced']) {
      const stored = await fetch(path, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/octet-stream' },
        body: OUTPUTS,
      })
      t.is(stored.status, 200)
      t.is(await stored.text(), '')
    }
    const hit = await fetch(path)
    t.is(hit.status, 200)
    t.is(hit.headers.get('content-length'), '5000')
    t.deepEqual(Buffer.from(await hit.arrayBuffer()), OUTPUTS)
  })
}

test('a slash at the end of the setting makes no other cache', async (t) => {
  const { url } = await startTestServer(t)
  await fetch(`${url}//v1/cache/1`, { method: 'PUT', body: OUTPUTS })
  t.is((await fetch(`${url}/v1/cache/1`)).status, 200)
  t.is((await fetch(`${url}/team/v1/cache/1`)).status, 404)
})

test('an upload that cannot be kept is 403, which does not end the build', async (t) => {
  const { url } = await startTestServer(t, { store: { maxFileSize: 100 } })
  const answer = await fetch(`${url}/v1/cache/1`, { method: 'PUT', body: OUTPUTS })
  t.is(answer.status, 403)
  t.is(answer.headers.get('content-type'), 'text/plain')
  t.is(answer.headers.get('cache-status'), 'blobcached; detail=too-large')
  t.regex(await answer.text(), /100 bytes/)
})

test('a hash that no entry can have is a miss', async (t) => {
  const { url } = await startTestServer(t)
  for (const hash of ['%FF', '%00', 'a'.repeat(2000)]) {
    t.is((await fetch(`${url}/v1/cache/${hash}`)).status, 404)
    t.is((await fetch(`${url}/v1/cache/${hash}`, { method: 'PUT', body: 'x' })).status, 403)
  }
})
