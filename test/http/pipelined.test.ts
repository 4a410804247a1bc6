import test from 'ava'
import { memory } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { ask } from '../helpers/http.ts'
import { connectRaw } from '../helpers/raw-http.ts'
import { startTestServer } from '../helpers/server.ts'

/** Two files: one is held in memory while it is sent, the other is read twice. */
const FILES = { small: bytes('small', 900), large: bytes('large', 600_000) }
const store = { chunkSize: 100_000, memory: { total: 800_000, perRead: 200_000 } }

for (const name of Object.keys(FILES) as (keyof typeof FILES)[]) {
  for (const [way, header] of Object.entries({ plain: 'X: y', koa: 'If-None-Match: "other"' })) {
    test(`invariant 7: requests behind one whose client leaves give everything back: ${name}, ${way}`, async (t) => {
      const server = await startTestServer(t, { engine: memory(), store })
      const { url } = server
      await ask(`${url}/files/${name}`, { method: 'PUT', body: FILES[name] })
      for (let round = 0; round < 3; round++) {
        const client = await connectRaw(t, url)
        client.socket.pause()
        for (let i = 0; i < 20; i++)
          client.send(`GET /files/${name} HTTP/1.1`, 'Host: a', header, '', '')
        await new Promise((resolve) => setTimeout(resolve, 100))
        client.socket.resetAndDestroy()
      }
      t.deepEqual((await ask(`${url}/files/${name}`)).body, FILES[name])
      for (let tries = 0; server.store.memoryUsage.used > 0 && tries < 50; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      const { used, waiting } = server.store.memoryUsage
      t.deepEqual({ used, waiting }, { used: 0, waiting: 0 })
      const { text } = await ask(`${url}/metrics`)
      t.regex(text, /^blobcached_http_requests_under_way 1$/m, 'only the one that asks')
    })
  }
}

test('requests that are sent in one go are answered in order', async (t) => {
  const { url } = await startTestServer(t)
  for (const name of ['a', 'b'])
    await ask(`${url}/files/${name}`, { method: 'PUT', body: `<${name}>` })
  const client = await connectRaw(t, url)
  const paths = ['a', 'none', 'b', 'a?verify=stream', 'b']
  client.send(...paths.flatMap((path) => [`GET /files/${path} HTTP/1.1`, 'Host: a', '']), '')
  await client.until(/<a>.*"not-found".*<b>.*<a>.*<b>/s)
})
