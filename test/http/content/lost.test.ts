import type { ExecutionContext } from 'ava'
import { Digest } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { type Backend, onEveryEngine } from '../../helpers/engines.ts'
import { ask } from '../../helpers/http.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { startTestServer, type TestServer } from '../../helpers/server.ts'

const content = bytes('lost', 4500)
const hash = Digest.of(content).hex
const nameKey = `n:${Digest.of(Buffer.from('a')).hex}`
const chunkKeys = Array.from(
  { length: 5 },
  (_, index) => `c:${Digest.of(content.subarray(index * 1000, (index + 1) * 1000)).hex}`,
)
const paths = ['/files/a', `/blobs/${hash}`]

/** With enough memory to hold the file while it is verified, and with too little. */
const memories = [undefined, { total: 8000, perRead: 0 }]

async function serve(t: ExecutionContext, backend: Backend, memory = memories[0]) {
  const { engine, keyPrefix } = backend
  const store = { keyPrefix, chunkSize: 1000, ...(memory && { memory }) }
  const server = await startTestServer(t, { engine, store })
  await upload(server)
  return server
}

async function upload({ url }: TestServer): Promise<void> {
  await ask(`${url}/files/a`, { method: 'PUT', body: content })
}

for (const memory of memories) {
  const how = memory === undefined ? 'held' : 'read twice'

  onEveryEngine(`invariant 2: a chunk that is gone is 404 evicted, ${how}`, async (t, backend) => {
    const server = await serve(t, backend, memory)
    for (const key of chunkKeys) {
      await backend.delete(key)
      for (const path of paths) {
        assertProblem(t, await ask(server.url + path), 404, 'evicted')
        assertProblem(t, await ask(server.url + path, { method: 'HEAD' }), 404, 'evicted')
      }
      await upload(server)
      for (const path of paths) t.deepEqual((await ask(server.url + path)).body, content)
    }
    t.is(server.store.memoryUsage.used, 0)
  })

  onEveryEngine(
    `invariant 2: a bit flipped in a chunk is 404 corrupt, ${how}`,
    async (t, backend) => {
      const server = await serve(t, backend, memory)
      for (const [index, key] of chunkKeys.entries()) {
        for (const path of paths) {
          await backend.flip(key, 900 * index)
          assertProblem(t, await ask(server.url + path), 404, 'corrupt')
          assertProblem(t, await ask(server.url + path), 404, 'evicted')
          await upload(server)
          t.deepEqual((await ask(server.url + path)).body, content)
        }
      }
      t.is(server.store.memoryUsage.used, 0)
    },
  )
}

onEveryEngine('a bit flipped in a link is 404 corrupt, by that way alone', async (t, backend) => {
  const server = await serve(t, backend)
  for (const [key, path, other] of [
    [nameKey, '/files/a', `/blobs/${hash}`],
    [`h:${hash}`, `/blobs/${hash}`, '/files/a'],
  ] as const) {
    for (const bit of [0, 36, 100, 300, 470, 700, 1500]) {
      await backend.flip(key, bit)
      for (const method of ['GET', 'HEAD']) {
        assertProblem(t, await ask(server.url + path, { method }), 404, 'corrupt')
      }
      t.deepEqual((await ask(server.url + other)).body, content)
      await backend.flip(key, bit)
      t.deepEqual((await ask(server.url + path)).body, content)
    }
  }
})

onEveryEngine(
  'a small file that is damaged is 404, by hash too, where it is fetched ahead',
  async (t, backend) => {
    const server = await serve(t, backend)
    const small = Digest.of(Buffer.from('small')).hex
    for (const [damage, reason] of [
      [() => backend.flip(`c:${small}`, 3), 'corrupt'],
      [() => backend.delete(`c:${small}`), 'evicted'],
    ] as const) {
      for (const path of ['/files/small', `/blobs/${small}`]) {
        await ask(`${server.url}/files/small`, { method: 'PUT', body: 'small' })
        t.is((await ask(server.url + path)).text, 'small')
        await damage()
        assertProblem(t, await ask(server.url + path), 404, reason)
      }
    }
    t.is(server.store.memoryUsage.used, 0)
  },
)
