import test from 'ava'
import { storeOnFleet } from '../helpers/engines.ts'

test('a file has the time and the life of the clock that it was stored by, with copies too', async (t) => {
  const store = await storeOnFleet(t)
  const now = Date.now
  Date.now = () => now() + 3_600_000
  await store.put('of a clock that is ahead', { name: 'a', ttl: 86_400 })
  Date.now = now
  const before = now()
  await store.put('new', { name: 'a', ttl: 2 })
  const { storedAt, ttl } = await store.find('a')
  t.true(storedAt.getTime() >= before && storedAt.getTime() <= now(), String(storedAt))
  t.is(ttl, 2)
  t.is(await (await store.get('a')).text(), 'new')
})
