import { once } from 'node:events'
import { connect } from 'node:net'
import test from 'ava'
import { startTestServer } from '../helpers/server.ts'

for (const how of ['end', 'resetAndDestroy'] as const) {
  test(`a client that goes away in the middle of its upload (${how}) is no error of the server`, async (t) => {
    const { http, url, store } = await startTestServer(t) // Fails the test when it is told of one.
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    const received = once(http, 'request')
    socket.write('PUT /files/half HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf')
    const [request] = await received
    const closed = new Promise((resolve) => request.socket.once('close', resolve))
    socket[how]()
    await closed
    await t.throwsAsync(store.get('half'), { code: 'not-found' })
  })
}
