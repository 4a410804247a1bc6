import test from 'ava'
import { holders, startFleet, until } from './harness.ts'

const KEYS = Array.from({ length: 60 }, (_, i) => `key${i}`)
const value = Buffer.from('value')

test('what was written while a server was away is brought to it when it is back, read or not', async (t) => {
  const { servers, engine } = await startFleet(t, 3, { replicas: 2 })
  const [victim, ...others] = servers
  await victim!.stop('SIGKILL')
  await Promise.all(KEYS.map((key) => engine.set(key, value, { ttl: 1000, extraCopy: true })))
  for (const key of KEYS) t.is((await holders(others, key)).length, 2)
  await victim!.start()
  await until('it has all copies', async () => (await holdsAll(victim!)) === KEYS.length)
  const ttl = (await victim!.raw.ttl(KEYS[0]!))!
  t.true(ttl > 900 && ttl <= 1000, `${ttl}`)
  const repaired = (await engine.stats()).find(({ server }) => server === victim!.address)
  t.is(repaired!.repairedCopies, KEYS.length)

  async function holdsAll(server: typeof victim) {
    return (await Promise.all(KEYS.map((key) => server!.raw.get(key)))).filter(Boolean).length
  }
})

test('what was deleted meanwhile is not brought back, and what is newer is left alone', async (t) => {
  const { servers, engine } = await startFleet(t, 3, { replicas: 3 })
  const [victim] = servers
  await victim!.stop('SIGKILL')
  await Promise.all(KEYS.map((key) => engine.set(key, value)))
  for (const key of KEYS.slice(0, 30)) {
    t.true(await engine.delete(key).catch(() => true))
  }
  await victim!.start()
  await victim!.raw.set(KEYS[30]!, Buffer.from('newer'))
  await until('it has the others', async () => {
    const there = await Promise.all(KEYS.slice(31).map((key) => victim!.raw.get(key)))
    return there.every((copy) => copy?.equals(value))
  })
  for (const key of KEYS.slice(0, 30)) t.deepEqual(await holders(servers, key), [])
})
