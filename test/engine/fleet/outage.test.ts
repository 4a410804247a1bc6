import test from 'ava'
import { UnavailableError } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { exactly, holders, startFleet, until } from './harness.ts'

const KEYS = Array.from({ length: 60 }, (_, i) => `key${i}`)

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  test(`with two copies, no read fails while a server has ${signal}, and none waits for it`, async (t) => {
    const { servers, engine } = await startFleet(t, 5, { replicas: 2, timeoutMs: 1000 })
    await Promise.all(KEYS.map((key) => engine.set(key, bytes(key, 5000))))
    const [victim] = servers
    if (signal === 'SIGKILL') await victim!.stop('SIGKILL')
    else victim!.freeze()
    const started = performance.now()
    for (const key of KEYS)
      t.deepEqual(await engine.get(key, exactly(bytes(key, 5000))), bytes(key, 5000))
    t.true(performance.now() - started < 15_000, 'sixty timeouts would be more')
    t.is((await engine.stats()).filter(({ up }) => up).length, 4)
  })
}

test('with one copy, what lived on a dead server is unavailable, and nothing else is', async (t) => {
  const { servers, engine } = await startFleet(t, 3)
  const value = Buffer.from('value')
  await Promise.all(KEYS.map((key) => engine.set(key, value)))
  const [victim] = servers
  const lost = new Set<string>()
  for (const key of KEYS) if ((await holders([victim!], key)).length > 0) lost.add(key)
  t.true(lost.size > 0 && lost.size < KEYS.length)
  await victim!.stop('SIGKILL')
  for (const key of KEYS) {
    if (lost.has(key))
      await t.throwsAsync(engine.get(key, String), { instanceOf: UnavailableError })
    else t.is(await engine.get(key, String), 'value')
  }
  for (const key of lost) {
    await t.throwsAsync(engine.touch(key, 0), { instanceOf: UnavailableError })
    await t.throwsAsync(engine.delete(key), { instanceOf: UnavailableError })
    t.is(await engine.set(key, value), 1, 'another one stands in')
    t.is(await engine.get(key, String), 'value')
    t.true(await engine.touch(key, 0))
  }
  await victim!.start()
  await until('it is back', async () => (await engine.stats()).every(({ up }) => up))
  for (const key of lost) t.is(await engine.get(key, String), 'value', 'from the stand-in')
  for (const key of lost) {
    await until(`${key} is back`, async () => (await holders([victim!], key)).length === 1)
  }
})

test('a write lands on as many servers as it should while there are enough', async (t) => {
  const { servers, engine } = await startFleet(t, 4, { replicas: 2 })
  const degraded: [number, number][] = []
  engine.observe({ degraded: (_key, copies, wanted) => void degraded.push([copies, wanted]) })
  await servers[0]!.stop('SIGKILL')
  await servers[1]!.stop('SIGKILL')
  for (const key of KEYS) t.is(await engine.set(key, Buffer.from('value')), 2)
  t.deepEqual(degraded, [])
  await servers[2]!.stop('SIGKILL')
  for (const key of KEYS) {
    t.is(await engine.set(key, Buffer.from('value')), 1)
    t.is(await engine.add(`new-${key}`, Buffer.from('value')), 1)
  }
  t.is(degraded.length, 2 * KEYS.length)
  t.true(degraded.every(([copies, wanted]) => copies === 1 && wanted === 2))
  const missed = (await engine.stats()).reduce((sum, stats) => sum + stats.missedCopies!, 0)
  t.true(missed > KEYS.length)
  await servers[3]!.stop('SIGKILL')
  for (const key of KEYS.slice(0, 5)) {
    const unavailable = { instanceOf: UnavailableError }
    await t.throwsAsync(engine.set(key, Buffer.from('value')), unavailable)
    await t.throwsAsync(engine.add(key, Buffer.from('value')), unavailable)
    await t.throwsAsync(engine.get(key, String), unavailable)
  }
  await t.throwsAsync(engine.ping(), { instanceOf: UnavailableError })
})

test('an absent key is absent only when everyone who could hold it has said so', async (t) => {
  const { servers, engine } = await startFleet(t, 3, { replicas: 2 })
  const value = Buffer.from('value')
  const versions = { of: () => 1, ttl: () => 0 }
  t.is(await engine.get('never', String), undefined)
  await servers[0]!.stop('SIGKILL')
  const outcomes = await Promise.allSettled(KEYS.map((key) => engine.get(key, String)))
  t.true(outcomes.some(({ status }) => status === 'rejected'))
  t.true(outcomes.some((outcome) => outcome.status === 'fulfilled' && outcome.value === undefined))
  for (const key of KEYS) {
    t.is(await engine.get(key, String, { versions }), undefined, 'two of three copies decide')
    await engine.set(key, value, { extraCopy: true })
  }
  await servers[1]!.stop('SIGKILL')
  for (const key of KEYS) t.is(await engine.get(key, String, { versions }), 'value')
  const unsure = engine.get('never', String, { versions })
  await t.throwsAsync(unsure, { instanceOf: UnavailableError })
})

test('a dead server costs the next operation nothing', async (t) => {
  const { servers, engine } = await startFleet(t, 3, { replicas: 2 })
  await Promise.all(KEYS.map((key) => engine.set(key, Buffer.from('value'))))
  await servers[0]!.stop('SIGKILL')
  for (const key of KEYS) await engine.get(key, String)
  let asked = 0
  engine.observe({
    operation: (server) => {
      if (server === servers[0]!.address) asked++
    },
  })
  for (const key of KEYS) t.is(await engine.get(key, String), 'value')
  t.is(asked, 0)
})

test('a server that is back is used again within a second or so', async (t) => {
  const { servers, engine } = await startFleet(t, 2)
  await engine.ping()
  await servers[0]!.stop('SIGKILL')
  await Promise.all(KEYS.map((key) => engine.set(key, Buffer.from('value'))))
  t.false((await engine.stats()).every(({ up }) => up))
  await servers[0]!.start()
  const back = performance.now()
  await until('it is back', async () => (await engine.stats()).every(({ up }) => up))
  t.true(performance.now() - back < 3000)
})

test('everything settles when it is closed while a server hangs', async (t) => {
  const { servers, engine } = await startFleet(t, 3, { replicas: 2 })
  await Promise.all(KEYS.map((key) => engine.set(key, Buffer.from('value'))))
  for (const server of servers) server.freeze()
  const hanging = KEYS.map((key) => t.throwsAsync(engine.get(key, String)))
  await engine.close()
  await Promise.all(hanging)
  for (const server of servers) server.thaw()
})
