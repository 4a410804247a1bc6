import test from 'ava'
import { connectRaw, exchange } from '../../helpers/raw-http.ts'
import { startTestServer } from '../../helpers/server.ts'

const zeros = '0'.repeat(64)

test('a body that is welcome is asked for with 100, once', async (t) => {
  const { url } = await startTestServer(t)
  for (const path of ['PUT /files/f', 'POST /files/g', 'POST /files?name=h']) {
    const client = await connectRaw(t, url)
    client.send(`${path} HTTP/1.1`, 'Host: x', 'Expect: 100-continue', 'Content-Length: 2', '', '')
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
    client.send('ok')
    await client.until(/100 Continue\r\n\r\nHTTP\/1\.1 201 /)
    client.send('GET /healthz HTTP/1.1', 'Host: x', '', '')
    await client.until(/HTTP\/1\.1 200 /)
  }
})

test('what can be refused without the body is, without a 100', async (t) => {
  const { url, store } = await startTestServer(t, { store: { maxFileSize: 1000 } })
  const { hash } = await store.put('there', { name: 'there' })
  const table = [
    { line: 'PUT /files/%00', status: 400 },
    { line: 'PUT /files/%zz', status: 400 },
    { line: 'PUT /blobs/nohash', status: 400 },
    { line: 'PUT /files/f?ttl=-1', status: 400 },
    { line: 'PUT /files/f?ttl=1&ttl=2', status: 400 },
    { line: 'PUT /files/f?ttl=9999999999', status: 400 },
    { line: 'PUT /files/f', length: 1001, status: 413 },
    { line: `PUT /blobs/${zeros}`, length: 1001, status: 413 },
    { line: 'POST /files', length: 1001, status: 413 },
    { line: 'POST /files/there', status: 409 },
    { line: 'PUT /files/there', header: 'If-None-Match: *', status: 412 },
    { line: 'PUT /files/there', header: 'If-Match: "other"', status: 412 },
    { line: `PUT /blobs/${hash}`, header: 'If-None-Match: *', status: 412 },
    { line: 'PUT /files/f', header: 'Repr-Digest: sha-256=nonsense', status: 400 },
    { line: `PUT /blobs/${hash}`, header: `Digest: sha-256=${'A'.repeat(43)}=`, status: 400 },
    { line: 'PUT /files/f', header: 'Content-Range: bytes 0-1/2', status: 400 },
    { line: 'PUT /files/f', header: 'Content-Encoding: aws-chunked', status: 415 },
    { line: 'PUT /nowhere', status: 404 },
    { line: 'POST /blobs/x', status: 405 },
  ]
  for (const { line, length = 5, header = 'X-None: 1', status } of table) {
    const answer = await exchange(
      t,
      url,
      `${line} HTTP/1.1`,
      'Host: x',
      'Expect: 100-continue',
      `Content-Length: ${length}`,
      header,
      '',
      '',
    )
    t.is(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]), status, `${line} ${header}`)
    t.notRegex(answer, /100 Continue/)
    t.regex(answer, /Connection: close/i)
  }
  t.is((await store.get('there')).size, 5)
})

test('any other expectation is 417', async (t) => {
  const { url } = await startTestServer(t)
  const client = await connectRaw(t, url)
  client.send('PUT /files/f HTTP/1.1', 'Host: x', 'Expect: miracles', 'Content-Length: 2', '', 'ok')
  await client.until(/^HTTP\/1\.1 417 .*"reason":"expectation-failed"/s)
})
