import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { memcached } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { ask } from '../../helpers/http.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { startOrigin } from '../../helpers/origin.ts'
import { startTestServer } from '../../helpers/server.ts'
import { watched } from '../../helpers/watchdog.ts'
import { startFilled } from './setup.ts'

const READS_PER_HARM = 10

test('500 clients ask for 50 names through two servers: the origin is asked 50 times', async (t) => {
  const { address } = await startMemcached(t)
  const double = await startOrigin(t)
  const contents = Array.from({ length: 50 }, (_, index) => bytes(index, 1000 * index))
  for (const [index, content] of contents.entries()) {
    double.on(`${index}`, async (_, res) => {
      await sleep(200)
      res.end(content)
    })
  }
  const servers = await Promise.all(
    Array.from({ length: 2 }, () => {
      const engine = memcached(address, { timeoutMs: 10_000 })
      return startTestServer(t, { engine, origin: { url: double.url } })
    }),
  )
  const clients = Array.from({ length: 500 }, async (_, client) => {
    const index = client % 50
    const { status, body } = await ask(`${servers[client % 3 === 0 ? 0 : 1]!.url}/files/${index}`)
    return status === 200 && body.equals(contents[index]!)
  })
  const rights = await watched('all answers', Promise.all(clients), 60_000)
  t.is(rights.filter((isRight) => isRight).length, 500)
  t.is(double.received.length, 50)
})

test('chunks that vanish and change while clients read: every answer is 200 and right', async (t) => {
  const backend = await startMemcached(t)
  const engine = memcached(backend.address, { timeoutMs: 10_000 })
  const { double, server } = await startFilled(t, { ttl: 1000 }, { engine })
  const names = ['a', 'b', 'c']
  const contents = new Map(names.map((name) => [name, bytes(name, 9500)]))
  for (const [name, content] of contents) double.file(name, content)
  for (const name of names) await ask(`${server.url}/files/${name}`)
  const keys: string[] = []
  for (const name of names) {
    const { manifest } = await server.store.find({ name })
    for (const { digest } of manifest.chunks()) keys.push(`c:${digest.hex}`)
  }
  let isOver = false
  let reads = 0
  // At the pace of the clients: one may have a file healed three times.
  const harm = async () => {
    for (let i = 0; !isOver; i++) {
      const before = reads
      const key = keys[(7 * i) % keys.length]!
      if (i % 2 === 0) await backend.raw.delete(key)
      else if ((await backend.raw.get(key)) !== undefined)
        await backend.raw.set(key, Buffer.from('x'))
      while (!isOver && reads < before + READS_PER_HARM) await sleep(5)
    }
  }
  const harming = harm()
  const read = async (client: number) => {
    for (let i = 0; i < 60; i++) {
      const name = names[(client + i) % 3]!
      const { status, body } = await ask(`${server.url}/files/${name}`)
      reads++
      if (status !== 200 || !body.equals(contents.get(name)!)) return `${status} ${body}`
    }
    return 'right'
  }
  const results = await Promise.all(Array.from({ length: 8 }, (_, client) => read(client)))
  isOver = true
  await harming
  t.deepEqual(results, Array(8).fill('right'))
})
