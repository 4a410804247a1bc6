import test from 'ava'
import { Digest, FileStore, memcached, memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { deferred } from '../../helpers/deferred.ts'
import { onEveryEngine } from '../../helpers/engines.ts'
import { FaultyEngine, follow } from '../../helpers/faulty-engine.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { KINDS } from '../../helpers/sources.ts'
import { until, watched } from '../../helpers/watchdog.ts'
import { startProcess } from './process.ts'

const content = bytes('content', 5500)

onEveryEngine('a file is produced once for all callers of a process', async (t, backend) => {
  const store = backend.store({ ttl: 60 })
  const contexts: unknown[] = []
  const produce = async ({ signal, ...context }: { signal: AbortSignal }) => {
    contexts.push(context)
    t.false(signal.aborted)
    return { source: content, type: 'text/plain', attributes: { by: 'us' }, ttl: 120 }
  }
  const files = await Promise.all(Array.from({ length: 20 }, () => store.getOrPut('a', produce)))
  for (const file of [...files, await store.getOrPut('a', produce), await store.get('a')]) {
    t.deepEqual(await file.bytes(), content)
    t.is(file.name, 'a')
    t.is(file.type, 'text/plain')
    t.is(file.ttl, 120)
    t.deepEqual(file.attributes, { by: 'us' })
  }
  t.deepEqual(contexts, [{ name: 'a', reason: 'not-found' }])
})

for (const [kind, make] of Object.entries(KINDS)) {
  test(`produce returns a ${kind}`, async (t) => {
    const store = new FileStore(memory(), { chunkSize: 1000 })
    t.deepEqual(await (await store.getOrPut('whole', () => make(content))).bytes(), content)
    const { outcome, file } = await store.fill('streamed', () => ({ source: make(content) }))
    if (outcome !== 'filling') return t.fail(outcome)
    t.deepEqual(await file.bytes(), content)
    t.deepEqual(await (await file.stored)?.bytes(), content)
    t.deepEqual(await (await store.get('streamed')).bytes(), content)
  })
}

onEveryEngine('what is asked for by hash has that hash', async (t, backend) => {
  const store = backend.store()
  const { hex } = Digest.of(content)
  const wrong = store.getOrPut(hex, () => 'something else')
  await t.throwsAsync(wrong, { code: 'digest-mismatch' })
  await t.throwsAsync(store.find(hex), { code: 'not-found' })
  const filling = await store.fill({ hash: hex }, ({ hash, name }) => {
    t.deepEqual([hash, name], [hex, undefined])
    return { source: content, type: 'text/plain', attributes: { kept: 'with names only' } }
  })
  t.is(filling.outcome, 'filled', 'nothing is handed out before the hash is known')
  t.deepEqual(await (await store.get(hex)).bytes(), content)
})

test('a hit costs one command, as find does', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine, { chunkSize: 1000 })
  await store.put(content, { name: 'a' })
  const never = () => t.fail()
  const calls = follow(engine)
  await store.find('a')
  const ofFind = calls.splice(0)
  t.is(ofFind.length, 1)
  await store.getOrPut('a', never as never, { ttl: 60, staleFor: 60 })
  t.deepEqual(calls.splice(0), ofFind)
  const filling = await store.fill('a', never as never)
  t.deepEqual(calls.splice(0), ofFind)
  t.is(filling.outcome, 'hit')
  t.is(filling.reason, undefined)
})

test('every caller is told where its file came from', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 1000 })
  const results: unknown[] = []
  store.observe({ fillEnded: (result) => results.push(result) })
  const gate = deferred<string>()
  const first = store.fill('a', () => gate.promise)
  const second = store.fill('a', () => gate.promise)
  const whole = store.fill('b', () => gate.promise, { whole: true })
  gate.resolve('content')
  t.like(await first, { outcome: 'filling', reason: 'not-found' })
  t.like(await second, { outcome: 'waited', reason: 'not-found' })
  t.like(await whole, { outcome: 'filled', reason: 'not-found' })
  t.like(await store.fill('a', () => gate.promise), { outcome: 'hit' })
  t.deepEqual(results, Array(2).fill({ outcome: 'filled', reason: 'not-found' }))
})

test('200 callers in 4 processes, and one of them produces', async (t) => {
  t.timeout(120_000)
  const cache = await startMemcached(t)
  const processes = Array.from({ length: 4 }, () => startProcess(t, cache.address))
  await Promise.all(processes.map(({ ready }) => ready))
  const answers = await watched(
    'four processes',
    Promise.all(processes.map((each) => each.ask({ name: 'a', callers: 50, ms: 500 }))),
    60_000,
  )
  const produced = answers.map((answer) => answer.produced)
  t.deepEqual(produced.toSorted(), [0, 0, 0, 1])
  t.deepEqual(
    answers.flatMap((answer) => answer.hashes),
    Array(200).fill(answers[0]!.hashes[0]),
  )
  const isLeased = async () => (await cache.raw.keys()).some((key) => key.startsWith('l'))
  await until('the lease is released', async () => !(await isLeased()))
})

test('a producer that is killed is replaced by one of those who wait', async (t) => {
  t.timeout(120_000)
  const cache = await startMemcached(t)
  const doomed = startProcess(t, cache.address)
  await doomed.ready
  void doomed.ask({ name: 'a', callers: 1, ms: 600_000 })
  await doomed.produces
  const store = new FileStore(memcached(cache.address, { timeoutMs: 10_000 }))
  t.teardown(() => store.close())
  let calls = 0
  const produce = () => {
    calls++
    return content
  }
  const waiting = Promise.all([1, 2, 3].map(() => store.getOrPut('a', produce)))
  doomed.kill()
  const files = await watched('the end of the lease', waiting, 40_000)
  t.deepEqual(await files[2]!.bytes(), content)
  t.is(calls, 1)
})
