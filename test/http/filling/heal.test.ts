import test, { type ExecutionContext } from 'ava'
import { Digest } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { type Backend, onEveryEngine } from '../../helpers/engines.ts'
import { startOrigin } from '../../helpers/origin.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { hashOf, startFilled } from './setup.ts'

const content = bytes('heal', 4500)
const hash = hashOf(content)
const nameKey = `n:${Digest.of(Buffer.from('f')).hex}`
const hashKey = `h:${hash}`
const chunkKeys = Array.from(
  { length: 5 },
  (_, index) => `c:${hashOf(content.subarray(index * 1000, (index + 1) * 1000))}`,
)

/** With enough memory to hold the file while it is verified, and with too little. */
const memories = [undefined, { total: 8000, perRead: 0 }]

async function start(t: ExecutionContext, backend: Backend, memory = memories[0]) {
  const { engine, keyPrefix } = backend
  const store = { keyPrefix, chunkSize: 1000, ...(memory && { memory }) }
  const filled = await startFilled(t, { ttl: 1000 }, { engine, store })
  filled.double.file('f', content, { ETag: '"1"' })
  await filled.get('/files/f')
  return filled
}

for (const memory of memories) {
  const how = memory === undefined ? 'held' : 'read twice'
  onEveryEngine(`a chunk that is gone or wrong is fetched again, ${how}`, async (t, backend) => {
    const { double, get } = await start(t, backend, memory)
    const damage: [string, (key: string) => Promise<void>][] = [
      ['evicted', (key) => backend.delete(key)],
      ['corrupt', (key) => backend.flip(key, 77)],
    ]
    let fetches = 1
    for (const [reason, harm] of damage) {
      for (const key of [chunkKeys[0]!, chunkKeys[4]!]) {
        for (const method of reason === 'evicted' ? ['GET', 'HEAD'] : ['GET']) {
          await harm(key)
          const healed = await get('/files/f', { method })
          t.is(healed.status, 200)
          if (method === 'GET') t.deepEqual(healed.body, content)
          t.is(healed.headers['cache-status'], `blobcached; fwd=miss; stored; detail=${reason}`)
          t.is(double.count('f'), ++fetches)
          t.is(double.received.at(-1)!.headers['if-none-match'], undefined)
          t.is((await get('/files/f')).headers['cache-status'], 'blobcached; hit')
        }
      }
    }
  })
}

onEveryEngine(
  'a range of a file that lost a chunk is healed, if it needs the chunk',
  async (t, backend) => {
    const { double, get } = await start(t, backend)
    await backend.delete(chunkKeys[4]!)
    const part = await get('/files/f', { headers: { Range: 'bytes=4000-4009' } })
    t.is(part.status, 206)
    t.deepEqual(part.body, content.subarray(4000, 4010))
    t.is(double.count('f'), 2)
  },
)

onEveryEngine('a record that is gone or wrong is fetched again', async (t, backend) => {
  const { double, get } = await start(t, backend)
  await backend.flip(nameKey, 77)
  t.deepEqual((await get('/files/f')).body, content)
  await backend.delete(nameKey)
  t.deepEqual((await get('/files/f')).body, content)
  t.is(double.count('f'), 3)
})

onEveryEngine(
  'an upload that is damaged is healed where the origin has its name',
  async (t, backend) => {
    const { double, get } = await start(t, backend)
    await get('/files/f', { method: 'PUT', body: content })
    await backend.delete(chunkKeys[1]!)
    t.deepEqual((await get('/files/f')).body, content)
    double.remove('f')
    await backend.delete(chunkKeys[1]!)
    assertProblem(t, await get('/files/f'), 404, 'evicted')
  },
)

onEveryEngine('content by hash is healed by the name that had it last', async (t, backend) => {
  const { double, get } = await start(t, backend)
  for (const keys of [[chunkKeys[2]!], [hashKey, nameKey], [hashKey]]) {
    await get('/files/f')
    for (const key of keys) await backend.delete(key)
    const answer = await get(`/blobs/${hash}`)
    t.is(answer.status, 200)
    t.deepEqual(answer.body, content)
    t.is(answer.headers['content-type'], 'application/octet-stream')
  }
  t.is(double.count('f'), 4)
  double.file('f', 'something else')
  await backend.delete(chunkKeys[2]!)
  assertProblem(t, await get(`/blobs/${hash}`), 404, 'evicted')
  assertProblem(t, await get(`/blobs/${'0'.repeat(64)}`), 404, 'not-found')
})

test('content by hash comes from where the template says, and has that hash', async (t) => {
  const cas = await startOrigin(t)
  const { server, get } = await startFilled(t, { blobs: `${cas.url}{hash}` })
  for (const [path, body] of [
    [hash, content],
    ['0'.repeat(64), content],
  ] as const) {
    cas.file(path, body, { 'Content-Type': 'text/html', 'Cache-Control': 'max-age=1' })
  }
  const first = await get(`/blobs/${hash}`)
  t.deepEqual(first.body, content)
  t.like(first.headers, {
    'cache-control': 'max-age=31536000, immutable',
    'content-type': 'application/octet-stream',
    'cache-status': 'blobcached; fwd=miss; stored',
  })
  t.is((await get(`/blobs/${hash}`)).headers['cache-status'], 'blobcached; hit')
  t.is(cas.received.length, 1)

  assertProblem(t, await get(`/blobs/${'0'.repeat(64)}`), 502, 'origin-failed')
  await t.throwsAsync(server.store.find({ hash: '0'.repeat(64) }), { code: 'not-found' })
  assertProblem(t, await get(`/blobs/${'1'.repeat(64)}`), 404, 'not-found')
})

test('content by hash that must not be stored is handed on, if it has the hash', async (t) => {
  const cas = await startOrigin(t)
  const { server, get } = await startFilled(t, { blobs: `${cas.url}{hash}` })
  const none = { 'Cache-Control': 'no-store' }
  cas.file(hash, content, none)
  cas.file('0'.repeat(64), content, none)
  t.deepEqual((await get(`/blobs/${hash}`)).body, content)
  await t.throwsAsync(server.store.find({ hash }), { code: 'not-found' })
  assertProblem(t, await get(`/blobs/${'0'.repeat(64)}`), 502, 'origin-failed')
})
