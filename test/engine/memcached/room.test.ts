import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Room } from '../../../src/engine/memcached/room.ts'
import { InsufficientStorageError } from '../../../src/errors.ts'
import { memcached, UnavailableError } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { startMemcached } from '../../helpers/memcached.ts'

test('a size whose items were all used lately takes more nevertheless', async (t) => {
  const server = await startMemcached(t, { memoryMb: 64 })
  const engine = memcached(server.address, { pageMover: false, timeoutMs: 10_000 })
  t.teardown(() => engine.close())
  for (let i = 0; i < 180; i++) await engine.set(`fill-${i}`, bytes(`fill ${i}`, 524_000))
  for (const size of [100_000, 300_000, 60_000]) {
    for (let i = 0; i < 150; i++) {
      const [key, value] = [`${size}-${i}`, bytes(`${size} ${i}`, size)]
      t.is(await engine.set(key, value), 1)
      t.true(await engine.touch(key, 0))
      t.true(value.equals((await engine.get(key, (found) => found))!))
    }
  }
  const stats = Object.entries(await server.raw.stats('items'))
  const refused = stats.filter(([name, count]) => name.endsWith('outofmemory') && count !== '0')
  t.log(`${refused.length} sizes had no room for a moment; with none this shows nothing`)
})

test('what there is no room for is tried for a second, other failures not at all', async (t) => {
  let times = 0
  const failing = (error: Error, successes = Number.POSITIVE_INFINITY) => {
    times = 0
    return async () => {
      if (++times > successes) return 'stored'
      throw error
    }
  }
  const full = new InsufficientStorageError('full')
  const room = new Room()
  t.is(await room.store(failing(full, 2)), 'stored')
  t.is(times, 3)
  await t.throwsAsync(room.store(failing(full)), { is: full })
  t.is(times, 8)
  await t.throwsAsync(room.store(failing(full)), { is: full })
  t.is(times, 1, 'it is full, as was seen just now')
  await sleep(1100)
  t.is(await room.store(failing(full, 2)), 'stored')
  const down = new UnavailableError('down')
  await t.throwsAsync(room.store(failing(down)), { is: down })
  t.is(times, 1)
})
