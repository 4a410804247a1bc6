import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { connectRaw, parseAnswer } from '../../helpers/raw-http.ts'
import { type RawUpload, rawPut } from '../../helpers/raw-upload.ts'
import { startTestServer, type TestServerOptions } from '../../helpers/server.ts'

const large = bytes('large', 9000)
const long = bytes('long', 300_000)

const refused: [string, Partial<RawUpload>, number, TestServerOptions?][] = [
  ['a bad name', { path: '/files/%00' }, 400],
  ['a broken escape, chunked', { path: '/files/%zz', chunked: 1000 }, 400],
  ['a wrong hash', { path: `/blobs/${'0'.repeat(64)}`, body: large.subarray(0, 2400) }, 400],
  ['a type that is too long', { fields: [`Content-Type: ${'x'.repeat(256)}`] }, 400],
  ['a length that is too large', { body: long }, 413],
  ['a file that turns out to be too large', { body: long, chunked: 5000 }, 413],
  ['no token', {}, 401, { access: { tokens: ['writer'] } }],
]
for (const [what, upload, status, options = {}] of refused) {
  test(`an upload with ${what} is refused while it still comes, and its connection stays usable`, async (t) => {
    const store = { chunkSize: 1000, maxFileSize: 5000 }
    const { url } = await startTestServer(t, { store, ...options })
    const client = await connectRaw(t, url)
    const sent = rawPut({ path: '/files/f', body: large, ...upload })
    const half = sent.length - Math.floor((upload.body ?? large).length / 2)
    client.socket.write(sent.subarray(0, half))
    // A wrong hash shows at the end alone.
    if (what !== 'a wrong hash') await client.until(/^HTTP\/1\.1 \d+ .*}$/s)
    else await sleep(50)
    client.socket.write(sent.subarray(half))
    await client.until(/^HTTP\/1\.1 \d+ .*}$/s)
    t.is(parseAnswer(client.received).status, status)
    for (const [request, next] of [
      ['GET /files/none HTTP/1.1\r\nHost: x\r\n\r\n', 404],
      [rawPut({ path: '/files/after', body: large.subarray(0, 900) }), 201],
    ] as const) {
      client.received = ''
      client.socket.write(request)
      await client.until(/^HTTP\/1\.1 \d+ .*}$/s)
      t.is(parseAnswer(client.received).status, status === 401 ? 401 : next)
    }
  })
}

test('what a client goes on sending without an end is cut off', async (t) => {
  const { url } = await startTestServer(t)
  const client = await connectRaw(t, url)
  client.send('PUT /files/%00 HTTP/1.1', 'Host: x', `Content-Length: ${2 ** 31}`, '', '')
  await client.until(/^HTTP\/1\.1 400 /)
  const piece = Buffer.alloc(1024 * 1024)
  const drained = () => new Promise((resolve) => client.socket.once('drain', resolve))
  const sending = (async () => {
    for (let sent = 0; sent < 200 && !client.isClosed; sent++) {
      if (!client.socket.write(piece)) await Promise.race([drained(), client.closed()])
    }
  })()
  await client.closed()
  await sending
  t.true(client.socket.bytesWritten < 150 * 1024 * 1024)
})
