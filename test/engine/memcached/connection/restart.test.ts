import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { memcached } from '../../../../src/engine/memcached/index.ts'
import { UnavailableError } from '../../../../src/errors.ts'
import { startMemcached } from '../../../helpers/memcached.ts'
import { watched } from '../../../helpers/watchdog.ts'
import { proves, QUICK, recovery, selfProving, whole } from '../harness.ts'

const chunks = Array.from({ length: 40 }, (_, i) => selfProving(900_000 - i, `restart ${i}`))

for (const [protocol, signal, rounds] of [
  ['binary', 'SIGKILL', 4],
  ['binary', 'SIGTERM', 4],
  ['meta', 'SIGKILL', 2],
  ['text', 'SIGKILL', 2],
] as const) {
  test.serial(
    `${protocol}: ${signal} and restart, again and again, under 32 workers with 900 KB values`,
    async (t) => {
      const server = await startMemcached(t, { memoryMb: 128 })
      const engine = memcached(server.address, { ...QUICK, protocol })
      t.teardown(() => engine.close())
      let stop = false
      const count = { right: 0, absent: 0, unavailable: 0 }
      const worker = async (id: number) => {
        for (let i = id; !stop; i++) {
          const { key, value } = chunks[i % chunks.length]!
          try {
            if (i % 3 === 0) await watched('set', engine.set(key, value))
            const got = await watched('get', engine.get(key, whole))
            if (got === undefined) count.absent++
            else if (got.equals(value)) count.right++
            else t.fail('a wrong value')
          } catch (error) {
            if (!(error instanceof UnavailableError)) throw error
            count.unavailable++
            await sleep(5)
          }
        }
      }
      const workers = Array.from({ length: 32 }, (_, id) => worker(id))
      for (let round = 0; round < rounds; round++) {
        await sleep(250)
        await server.stop(signal)
        await sleep(round * 150)
        await server.start()
        const took = await recovery(() => engine.ping())
        t.true(took < 2000, `answered ${took} ms after the restart`)
      }
      stop = true
      await watched('workers', Promise.all(workers))
      t.true(count.right > 0 && count.unavailable > 0, JSON.stringify(count))
      for (const { key, value } of chunks.slice(0, 10)) {
        await engine.set(key, value)
        t.true((await engine.get(key, proves(key)))!.equals(value)) // `deepEqual` takes a second for each.
      }
    },
  )
}

test.serial(
  'an observer is told once that memcached is down, and once that it is back',
  async (t) => {
    const server = await startMemcached(t)
    const engine = memcached(server.address, QUICK)
    t.teardown(() => engine.close())
    const seen: string[] = []
    engine.observe({
      connection: (name, state, error) => seen.push(`${name} ${state} ${error === undefined}`),
    })
    await engine.ping()
    await server.stop()
    for (let i = 0; i < 20; i++) await engine.ping().catch(() => sleep(20))
    t.false((await engine.stats())[0]!.up)
    t.truthy((await engine.stats())[0]!.error)
    await server.start()
    await recovery(() => engine.ping())
    const { address } = server
    t.deepEqual(seen, [`${address} up true`, `${address} down false`, `${address} up true`])
  },
)
