import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { bytes } from '../helpers/bytes.ts'
import { ask } from '../helpers/http.ts'
import { assertProblem } from '../helpers/problem.ts'
import { connectRaw } from '../helpers/raw-http.ts'
import { memoryIsFree, startTestServer } from '../helpers/server.ts'

const content = bytes('aborted', 50_000)

for (const [how, end] of [
  ['is reset', 'reset'],
  ['ends', 'end'],
] as const) {
  for (const framing of ['Content-Length: 50000', 'Transfer-Encoding: chunked']) {
    test(`invariant 4: a connection that ${how} in the middle of a body (${framing}) leaves nothing`, async (t) => {
      const server = await startTestServer(t, { store: { chunkSize: 1000 } })
      await ask(`${server.url}/files/kept`, { method: 'PUT', body: 'kept' })
      for (const sent of [0, 1, 999, 1000, 25_000, 49_999]) {
        for (const name of ['fresh', 'kept']) {
          const client = await connectRaw(t, server.url)
          client.send(`PUT /files/${name} HTTP/1.1`, 'Host: a', framing, '', '')
          const body = content.subarray(0, sent)
          if (framing.startsWith('Transfer') && sent > 0) {
            client.socket.write(`${sent.toString(16)}\r\n`)
          }
          client.socket.write(body)
          await sleep(5)
          if (end === 'reset') client.socket.resetAndDestroy()
          else client.socket.end()
          await client.closed()
        }
        await memoryIsFree(server)
        assertProblem(t, await ask(`${server.url}/files/fresh`), 404, 'not-found')
        t.is((await ask(`${server.url}/files/kept`)).text, 'kept')
      }
    })
  }
}

test('a reader that goes away gives its memory back', async (t) => {
  for (const memory of [undefined, { total: 800_000, perRead: 0 }]) {
    const server = await startTestServer(t, {
      store: { chunkSize: 100_000, ...(memory && { memory }) },
    })
    await ask(`${server.url}/files/a`, { method: 'PUT', body: bytes('large', 30_000_000) })
    for (let client = 0; client < 5; client++) {
      const reader = await connectRaw(t, server.url)
      reader.socket.pause()
      reader.send('GET /files/a HTTP/1.1', 'Host: a', '', '')
      for (const deadline = Date.now() + 10_000; server.store.memoryUsage.used === 0; ) {
        if (Date.now() > deadline) t.fail('it never began')
        await sleep(1)
      }
      reader.socket.resetAndDestroy()
    }
    await memoryIsFree(server)
    t.is((await ask(`${server.url}/files/a`, { method: 'HEAD' })).status, 200)
  }
})
