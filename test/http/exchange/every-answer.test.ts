import test from 'ava'
import { ask } from '../../helpers/http.ts'
import { connectRaw, exchange, parseAnswer } from '../../helpers/raw-http.ts'
import { startTestServer } from '../../helpers/server.ts'

const SITE = 'https://app.example'

test('no answer is taken for another type, or shown by pages of other sites', async (t) => {
  const { url, store } = await startTestServer(t, { corsOrigins: [SITE] })
  const { hash } = await store.put('content', { name: 'f' })
  for (const [method, path] of [
    ['GET', '/files/f'],
    ['HEAD', '/files/f'],
    ['GET', '/files/f?manifest'],
    ['GET', `/blobs/${hash}`],
    ['GET', '/files/none'],
    ['PUT', '/files/new'],
    ['PUT', '/files/%00'],
    ['DELETE', '/files/new'],
    ['OPTIONS', '/files/f'],
    ['GET', '/nowhere'],
    ['PATCH', '/files/f'],
    ['GET', '/'],
    ['GET', '/assets/main.js'],
    ['GET', '/healthz'],
    ['GET', '/metrics'],
    ['GET', '/openapi.json'],
  ] as const) {
    for (const [headers, policy] of [
      [{}, 'same-origin'],
      [{ Origin: 'https://evil.example' }, 'same-origin'],
      [{ Origin: SITE }, 'cross-origin'],
    ] as const) {
      const answer = await ask(url + path, { method, headers })
      t.is(answer.headers['x-content-type-options'], 'nosniff', `${method} ${path}`)
      t.is(answer.headers['cross-origin-resource-policy'], policy, `${method} ${path}`)
    }
  }
  const open = await startTestServer(t, { corsOrigins: ['*'] })
  const answer = await ask(`${open.url}/files/none`)
  t.is(answer.headers['cross-origin-resource-policy'], 'cross-origin')
  const { head } = parseAnswer(await exchange(t, url, 'nonsense', '', ''))
  t.regex(head, /^X-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r$/m)
})

test('after a refusal of compressed JSON its connection is usable', async (t) => {
  const { url } = await startTestServer(t)
  const { gzipSync } = await import('node:zlib')
  const large = gzipSync(JSON.stringify({ hashes: ['0'.repeat(5_000_000)] }), { level: 0 })
  for (const [fields, body, status] of [
    ['Content-Encoding: gzip', large, 413],
    ['Content-Encoding: gzip', Buffer.alloc(300_000, 'x'), 400],
    ['Content-Encoding: rot13', Buffer.alloc(3_000_000, 'x'), 400],
    ['Content-Type: text/plain', Buffer.alloc(3_000_000, 'x'), 413],
  ] as const) {
    const client = await connectRaw(t, url)
    client.send('POST /blobs/missing HTTP/1.1', 'Host: x', fields, '')
    client.send(`Content-Length: ${body.length}`, '', '')
    client.socket.write(body)
    await client.until(new RegExp(`^HTTP/1\\.1 ${status} .*"status":${status}`, 's'))
    client.received = ''
    client.send('GET /healthz HTTP/1.1', 'Host: x', '', '')
    await client.until(/^HTTP\/1\.1 200 .*"ok"}$/s)
  }
})

test('a list of hashes is understood whatever its Content-Type is', async (t) => {
  const { url } = await startTestServer(t)
  const body = JSON.stringify({ hashes: ['0'.repeat(64)] })
  for (const headers of [{}, { 'Content-Type': 'text/plain' }, { 'Content-Type': 'nonsense' }]) {
    const answer = await ask(`${url}/blobs/missing`, { method: 'POST', headers, body })
    t.deepEqual(answer.json(), { missing: ['0'.repeat(64)] })
  }
})
