import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import test from 'ava'
import { createCertificate } from '../../helpers/certificate.ts'
import { rawPut } from '../../helpers/raw-upload.ts'
import { startTestServer, type TestServerOptions } from '../../helpers/server.ts'
import { watched } from '../../helpers/watchdog.ts'

/** More than the buffers of a loopback connection hold. */
const body = Buffer.alloc(12_000_000, 'x')

/** A client that looks for its answer when all of its request is sent, as many do. */
async function sendAllThenRead(socket: Socket, request: Buffer): Promise<string> {
  let received = ''
  const closed = new Promise<void>((resolve, reject) => {
    socket.once('error', reject).once('close', () => resolve())
  })
  closed.catch(() => {})
  socket.pause()
  await Promise.race([closed, new Promise((resolve) => socket.write(request, resolve))])
  socket.on('data', (piece) => {
    received += piece.toString('latin1')
  })
  socket.resume()
  await watched('the end of the answer', closed)
  return received
}

const refusals: [string, TestServerOptions, string, number][] = [
  ['too large', { store: { maxFileSize: 1000, chunkSize: 1000 } }, '/files/f', 413],
  ['without a token', { access: { tokens: ['writer'] } }, '/files/f', 401],
  ['with a bad name', {}, '/files/%00', 400],
  ['that has no route', {}, '/nowhere', 404],
  ['on a connection too many', { maxConnections: 3 }, '/files/f', 503],
]
for (const secure of [false, true]) {
  for (const [what, options, path, status] of refusals) {
    test(`an upload ${what} is told so, ${secure ? 'over TLS' : 'plain'}`, async (t) => {
      const tls = secure ? await createCertificate(t, 'localhost') : undefined
      const server = await startTestServer(t, { ...options, ...(tls && { tls }) })
      const port = Number(new URL(server.url).port)
      for (let held = 0; held < (options.maxConnections ?? 0); held++) {
        const other = connect({ port, host: '127.0.0.1' })
        t.teardown(() => other.destroy())
        await once(other, 'connect')
      }
      for (const [version, fields, chunked] of [
        ['1.0', [], undefined],
        ['1.1', ['Connection: close'], undefined],
        ['1.1', ['Connection: close'], 65_536],
      ] as const) {
        const socket = secure
          ? connectTls({ port, rejectUnauthorized: false })
          : connect({ port, host: '127.0.0.1' })
        await once(socket, secure ? 'secureConnect' : 'connect')
        const framing = chunked === undefined ? {} : { chunked }
        const received = await sendAllThenRead(
          socket,
          rawPut({ path, body, version, fields, ...framing }),
        )
        t.regex(received, new RegExp(`^HTTP/1\\.1 ${status} .*"status":${status}`, 's'), version)
      }
      t.is(server.store.memoryUsage.used, 0)
    })
  }
}

test('what is no request is told so, however much of it comes', async (t) => {
  const { url } = await startTestServer(t)
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
  await once(socket, 'connect')
  const head = Buffer.from('PUT /files/f HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n')
  t.regex(await sendAllThenRead(socket, Buffer.concat([head, body])), /^HTTP\/1\.1 400 .*}$/s)
})

test('what follows the last request of a connection is read and is no request', async (t) => {
  const { url, store } = await startTestServer(t)
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
  await once(socket, 'connect')
  const first = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
  const second = rawPut({ path: '/files/later', body: Buffer.alloc(5_000_000) })
  const received = await sendAllThenRead(socket, Buffer.concat([Buffer.from(first), second]))
  t.regex(received, /^HTTP\/1\.1 200 .*{"status":"ok"}$/s)
  t.false(await store.isReadable({ name: 'later' }))
})

test('a client that was refused and sends without end is cut off', async (t) => {
  const { url } = await startTestServer(t, { access: { tokens: ['writer'] } })
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
  await once(socket, 'connect')
  socket.on('error', () => {})
  const closed = once(socket, 'close')
  socket.write('PUT /files/f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n')
  socket.write(`Content-Length: ${2 ** 40}\r\n\r\n`)
  socket.resume()
  for (let sent = 0; sent < 200 && !socket.destroyed; sent++) {
    const isDrained = new Promise((resolve) => socket.write(Buffer.alloc(1024 * 1024), resolve))
    await watched('the next piece', Promise.race([isDrained, closed]))
  }
  t.true(socket.bytesWritten < 150 * 1024 * 1024)
})
