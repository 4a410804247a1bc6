import { once } from 'node:events'
import { connect } from 'node:net'
import test from 'ava'
import { startTestServer } from '../helpers/server.ts'

const uploads = {
  'with a length': 'Content-Length: 100\r\n\r\nabc',
  chunked: 'Transfer-Encoding: chunked\r\n\r\n5\r\nabc',
  'with chunks that are none': 'Transfer-Encoding: chunked\r\n\r\nnonsense\r\n',
}

for (const [kind, rest] of Object.entries(uploads)) {
  test(`an upload ${kind} that is cut off is no failure of the server and leaves no file`, async (t) => {
    // startTestServer fails the test for any error that the server calls unforeseen.
    const server = await startTestServer(t)
    const { port } = server.http.address() as { port: number }
    const socket = connect(port, '127.0.0.1').resume()
    const closed = once(socket, 'close')
    socket.end(`PUT /files/cut HTTP/1.1\r\nHost: x\r\n${rest}`)
    await closed
    await t.throwsAsync(server.store.get({ name: 'cut' }), { code: 'not-found' })
  })
}
