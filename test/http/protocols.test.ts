import test, { type ExecutionContext } from 'ava'
import type { FleetJson } from '../../src/api/fleet.ts'
import { memcached } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { ask } from '../helpers/http.ts'
import { type MemcachedFlags, startMemcached } from '../helpers/memcached.ts'
import { assertProblem } from '../helpers/problem.ts'
import { startTestServer } from '../helpers/server.ts'
import { hasTwemproxy, startTwemproxy } from '../helpers/twemproxy.ts'

const PATIENT = { timeoutMs: 3000, connectTimeoutMs: 3000 }
const content = bytes('any protocol', 5_000_000)
const ann = { username: 'ann', password: 'secret' }

/** What a server does all day, and what `/fleet` says of the one behind it. */
async function serveFiles(t: ExecutionContext, engine: ReturnType<typeof memcached>) {
  const { url } = await startTestServer(t, { engine })
  const send = (method: string, path: string, body?: Buffer) =>
    ask(url + path, { method, ...(body && { body }) })
  const stored = await send('PUT', '/files/a', content)
  t.is(stored.status, 201)
  const { hash } = stored.json() as { hash: string }
  for (const path of ['/files/a', `/blobs/${hash}`]) {
    const answer = await send('GET', path)
    t.is(answer.status, 200)
    t.true(answer.body.equals(content))
  }
  t.like((await send('GET', `/blobs/${hash}/health`)).json(), { state: 'intact' })
  const replaced = await send('PUT', '/files/a', content.subarray(0, 10))
  t.true(replaced.status < 300)
  t.true((await send('GET', '/files/a')).body.equals(content.subarray(0, 10)))
  t.is((await send('DELETE', '/files/a')).status, 204)
  assertProblem(t, await send('GET', '/files/a'), 404, 'not-found')
  t.is((await send('GET', '/readyz')).status, 200)
  const fleet = (await send('GET', '/fleet')).json() as FleetJson
  return { url, hash, server: fleet.servers[0]! }
}

const SERVERS: [string, MemcachedFlags, object, string][] = [
  ['-B ascii', { args: ['-B', 'ascii'] }, {}, 'meta'],
  ['-Y', { textAuth: ann }, ann, 'meta'],
  ['-B ascii, set to text', { args: ['-B', 'ascii'] }, { protocol: 'text' }, 'text'],
]
for (const [what, settings, options, protocol] of SERVERS) {
  test(`files over a memcached with ${what}`, async (t) => {
    const { address } = await startMemcached(t, settings)
    const { server } = await serveFiles(t, memcached(address, { ...PATIENT, ...options }))
    t.is(server.protocol, protocol)
    t.is(server.lacks, undefined)
  })
}

const testTwemproxy = hasTwemproxy ? test : test.skip
testTwemproxy(
  'files over three memcacheds behind twemproxy, and with one of them killed',
  async (t) => {
    const { address, servers } = await startTwemproxy(t)
    const { url, hash, server } = await serveFiles(t, memcached(address, PATIENT))
    t.deepEqual([server.up, server.protocol, server.lacks], [true, 'text', ['settings', 'stats']])
    await servers[0]!.stop('SIGKILL')
    const statuses = new Set<number>()
    const names = Array.from({ length: 30 }, (_, i) => `/files/small-${i}`)
    for (const name of names) {
      const { status } = await ask(url + name, { method: 'PUT', body: Buffer.from(name) })
      statuses.add(status)
      const answer = await ask(url + name)
      if (status === 201) t.is(answer.text, name)
      else
        assertProblem(t, answer, answer.status, answer.status === 503 ? 'unavailable' : 'not-found')
    }
    t.deepEqual([...statuses].sort(), [201, 503])
    const large = await ask(`${url}/blobs/${hash}`)
    if (large.status !== 200) assertProblem(t, large, 503, 'unavailable')
  },
)
