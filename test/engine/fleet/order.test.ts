import test, { type ExecutionContext } from 'ava'
import { Fleet } from '../../../src/engine/fleet/fleet.ts'
import { memory, UnavailableError } from '../../../src/index.ts'
import { deferred, turns } from '../../helpers/deferred.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'

const VALUE = Buffer.from('value')

function fleetOf(t: ExecutionContext, count: number, replicas: number) {
  const engines = Array.from({ length: count }, () => new FaultyEngine(memory()))
  const servers = engines.map((engine, i) => ({ name: `server ${i}`, weight: 1, engine }))
  const fleet = new Fleet(servers, { replicas })
  t.teardown(() => fleet.close())
  return { engines, fleet }
}

test('a delete waits for a repair that is on its way, so that it does not come back', async (t) => {
  const { engines, fleet } = fleetOf(t, 2, 2)
  await fleet.set('key', VALUE)
  const [lost] = engines
  await lost!.inner.delete('key')
  const gate = deferred()
  lost!.add = async (key, value, options) => {
    await gate.promise
    return lost!.inner.add(key, value, options)
  }
  let isMissed = false
  lost!.get = (key, prove, options) => {
    isMissed = true
    return lost!.inner.get(key, prove, options)
  }
  while (!isMissed) t.is(await fleet.get('key', String), 'value')
  let isDeleted = false
  const deleting = fleet.delete('key').then(() => {
    isDeleted = true
  })
  await turns(5)
  t.false(isDeleted)
  gate.resolve()
  await deleting
  for (const { inner } of engines) t.is(await inner.get('key', String), undefined)
})

test('a slow copy is overtaken by the next, and neither is waited for', async (t) => {
  const { engines, fleet } = fleetOf(t, 2, 2)
  await fleet.set('key', VALUE)
  const gate = deferred()
  const [slow] = engines
  let asked = 0
  slow!.get = async (key, prove, options) => {
    if (asked++ === 0) await gate.promise
    return slow!.inner.get(key, prove, options)
  }
  for (let i = 0; i < 50; i++) t.is(await fleet.get('key', String), 'value')
  t.true(asked > 0)
  gate.resolve()
})

test('the value of a write that is left by one server stays with the caller until that has settled', async (t) => {
  const { engines, fleet } = fleetOf(t, 3, 3)
  const gate = deferred()
  engines[1]!.set = async () => {
    await gate.promise
    throw new UnavailableError('it hangs')
  }
  let isDone = false
  const writing = fleet.set('key', VALUE).then((copies) => {
    isDone = true
    return copies
  })
  await turns(5)
  t.false(isDone)
  gate.resolve()
  t.is(await writing, 2)
})

test('what a proof rejects with is nobody but the caller’s', async (t) => {
  const { fleet } = fleetOf(t, 2, 2)
  await fleet.set('key', VALUE)
  const reason = new UnavailableError('the proof’s own')
  const rejected = fleet.get('key', () => Promise.reject(reason))
  t.is(await t.throwsAsync(rejected), reason)
  t.true((await fleet.stats()).every(({ up }) => up))
})
