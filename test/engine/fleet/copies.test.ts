import test from 'ava'
import { DamagedError } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { exactly, holders, startFleet, until } from './harness.ts'

test('a key lives on as many servers as asked for, a link on one more, never on more than there are', async (t) => {
  const { servers, engine } = await startFleet(t, 3, { replicas: 2 })
  const value = Buffer.from('value')
  for (let i = 0; i < 20; i++) {
    t.is(await engine.set(`chunk${i}`, value), 2)
    t.is(await engine.set(`link${i}`, value, { extraCopy: true }), 3)
    t.is(await engine.add(`new-link${i}`, value, { extraCopy: true }), 3)
    t.is((await holders(servers, `chunk${i}`)).length, 2)
    t.is((await holders(servers, `link${i}`)).length, 3)
    t.is((await holders(servers, `new-link${i}`)).length, 3)
  }
})

for (const [what, damage] of [
  ['missing', undefined],
  ['wrong', Buffer.from('other bytes')],
] as const) {
  test(`a ${what} copy is not what a read answers with, and is written again`, async (t) => {
    const { servers, engine } = await startFleet(t, 3, { replicas: 2 })
    const repaired: string[] = []
    engine.observe({ repaired: (server) => void repaired.push(server) })
    for (let i = 0; i < 4; i++) {
      const key = `key${i}`
      const value = bytes(key, 100_000)
      await engine.set(key, value)
      const [holder] = await holders(servers, key)
      if (damage === undefined) await holder!.raw.delete(key)
      else await holder!.raw.set(key, damage)
      await until(`${key} is whole on ${holder!.address}`, async () => {
        t.truthy(await engine.get(key, exactly(value)))
        return (await holder!.raw.get(key))?.equals(value) ?? false
      })
      t.is(repaired.at(-1), holder!.address)
    }
    t.is(repaired.length, 4)
    const counted = (await engine.stats()).reduce((sum, stats) => sum + stats.repairedCopies!, 0)
    t.is(counted, 4)
  })
}

test('a copy is repaired from bytes of its own: those that were read may be used again', async (t) => {
  const { servers, engine } = await startFleet(t, 2, { replicas: 2 })
  const value = bytes('recycled', 500_000)
  await engine.set('key', value)
  await servers[0]!.raw.delete('key')
  await until('the copy is there again', async () => {
    const allocate = (size: number) => Buffer.alloc(size)
    const read = await engine.get('key', exactly(value), { allocate })
    read!.fill(0)
    return (await servers[0]!.raw.get('key')) !== undefined
  })
  t.true((await servers[0]!.raw.get('key'))!.equals(value))
})

test('what no server has a good copy of is damaged or absent, as it is', async (t) => {
  const { servers, engine } = await startFleet(t, 3, { replicas: 2 })
  const value = Buffer.from('value')
  await engine.set('key', value)
  for (const { raw } of await holders(servers, 'key')) await raw.set('key', Buffer.from('wrong'))
  await t.throwsAsync(engine.get('key', exactly(value)), { instanceOf: DamagedError })
  await t.throwsAsync(engine.get('key', exactly(value), { discard: true }), {
    instanceOf: DamagedError,
  })
  t.is(await engine.get('key', exactly(value)), undefined)
  t.deepEqual(await holders(servers, 'key'), [])
})

test('one good copy is as good as added by nobody else', async (t) => {
  const { servers, engine } = await startFleet(t, 3, { replicas: 2 })
  await engine.set('key', Buffer.from('old'))
  for (const lost of await holders(servers, 'key')) {
    await engine.set('key', Buffer.from('old'))
    await lost.raw.delete('key')
    t.is(await engine.add('key', Buffer.from('new')), 0)
    t.is(await engine.get('key', String), 'old')
  }
})

test('a copy that another one stands in for is found, and brought where it belongs', async (t) => {
  const { servers, engine } = await startFleet(t, 3)
  const value = bytes('moved', 1000)
  await engine.set('key', value)
  const [holder] = await holders(servers, 'key')
  await holder!.raw.delete('key')
  const others = servers.filter((server) => server !== holder)
  const seen = await Promise.all(
    others.map(async ({ raw }) => {
      await raw.set('key', value)
      const found = await engine.get('key', exactly(value))
      await raw.delete('key')
      await holder!.raw.delete('key')
      return found !== undefined
    }),
  )
  t.true(seen.includes(true), 'on the next in line')
})
