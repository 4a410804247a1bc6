import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'ava'
import { expressApp, fastifyApp, nodeHttp } from '../../examples/library/mount.ts'
import { bytes } from '../helpers/bytes.ts'

const content = bytes('mounted', 1_200_000)

/** Starts each on a free port; returns where the app is. */
async function start(server: Server, mount: string): Promise<string> {
  if (!server.listening) await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${mount}`
}

test('the app serves below node:http, Express 5 and Fastify', async (t) => {
  const expressServer = expressApp.listen(0, '127.0.0.1')
  await fastifyApp.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(async () => {
    for (const server of [nodeHttp, expressServer]) {
      server.closeAllConnections()
      server.close()
    }
    await fastifyApp.close()
  })
  const urls = {
    http: await start(nodeHttp.listen(0, '127.0.0.1'), ''),
    express: await start(expressServer, '/cache'),
    fastify: await start(fastifyApp.server, '/cache'),
  }
  for (const [name, url] of Object.entries(urls)) {
    const file = `${url}/files/${name}.json`
    const type = { 'content-type': 'application/json' }
    const put = await fetch(file, { method: 'PUT', body: content, headers: type })
    t.is(put.status, 201, `${name}: ${await put.text()}`)
    t.is(String(new URL(put.headers.get('location')!, url)), file)
    const get = await fetch(file, { headers: { range: 'bytes=5-' } })
    t.is(get.status, 206, name)
    t.true(Buffer.from(await get.arrayBuffer()).equals(content.subarray(5)), name)
    const missing = await fetch(`${url}/files/none`)
    t.is(missing.status, 404, name)
    t.like(await missing.json(), { reason: 'not-found' }, name)
  }
})
