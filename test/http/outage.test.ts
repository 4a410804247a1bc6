import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { memcached } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { ask } from '../helpers/http.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { assertProblem } from '../helpers/problem.ts'
import { startTestServer } from '../helpers/server.ts'
import { watched } from '../helpers/watchdog.ts'

const content = bytes('outage', 3_000_000)

test('invariant 3: memcached stopped or frozen is 503 with Retry-After, until it is back', async (t) => {
  const backend = await startMemcached(t)
  const server = await startTestServer(t, { engine: memcached(backend.address) })
  const put = () => ask(`${server.url}/files/a`, { method: 'PUT', body: content })
  const { hash } = (await put()).json() as { hash: string }
  const requests: [string, string][] = [
    ['GET', '/files/a'],
    ['HEAD', '/files/a'],
    ['GET', `/blobs/${hash}`],
    ['DELETE', '/files/a'],
    ['GET', '/readyz'],
  ]
  for (const [begin, end] of [
    [() => backend.stop(), () => backend.start()],
    [async () => backend.freeze(), async () => backend.thaw()],
  ] as const) {
    await begin()
    const answers = await watched(
      'answers',
      Promise.all([put(), ...requests.map(([method, path]) => ask(server.url + path, { method }))]),
    )
    for (const answer of answers) {
      assertProblem(t, answer, 503, 'unavailable')
      t.regex(answer.headers['retry-after']!, /^[1-9]\d*$/)
      t.notRegex(answer.text, /127\.0\.0\.1|:\d{4}/, 'where memcached is')
    }
    t.is((await ask(`${server.url}/healthz`)).status, 200)
    await end()
    const isReady = async () => {
      while ((await ask(`${server.url}/readyz`)).status !== 200) await sleep(20)
    }
    await watched('readyz', isReady())
    t.is((await put()).status, 201)
    t.true((await ask(`${server.url}/files/a`)).body.equals(content))
    await ask(`${server.url}/files/a`, { method: 'DELETE' })
    t.is(server.store.memoryUsage.used, 0)
  }
})

test('a file larger than memcached is 507, and nothing leads to it', async (t) => {
  const { address } = await startMemcached(t, { memoryMb: 8 })
  const engine = memcached(address, { timeoutMs: 10_000 })
  const server = await startTestServer(t, { engine })
  const body = bytes('too large', 40_000_000)
  const put = await watched('put', ask(`${server.url}/files/a`, { method: 'PUT', body }))
  assertProblem(t, put, 507, 'insufficient-storage')
  assertProblem(t, await ask(`${server.url}/files/a`), 404, 'not-found')
  t.is(server.store.memoryUsage.used, 0)
})
