import test, { type ExecutionContext } from 'ava'
import { parseAddresses } from '../../../src/engine/memcached/address.ts'
import { MemcachedEngine } from '../../../src/engine/memcached/engine.ts'
import { FileStore, memcached } from '../../../src/index.ts'
import { hasFakeClock, type Memcached, startMemcached } from '../../helpers/memcached.ts'

const DAY = 24 * 3600
const PATIENT = { timeoutMs: 10_000, connectTimeoutMs: 10_000 }
const testIf = hasFakeClock ? test.serial : test.serial.skip
const value = Buffer.from('x')

async function assertTtl(t: ExecutionContext, { raw }: Memcached, key: string, ttl: number) {
  const left = (await raw.ttl(key))!
  t.true(Math.abs(left - ttl) <= 2, `${ttl}: ${left}`)
}

for (const clock of ['+40d', '-40d', '-4000d', '+2000d']) {
  testIf(
    `a memcached whose clock is ${clock} off keeps values as long as they are to live`,
    async (t) => {
      const server = await startMemcached(t, { clock })
      const skew = Number((await server.raw.stats()).time) - Date.now() / 1000
      t.true(Math.abs(skew) > 30 * DAY, `${skew} seconds`)
      const engine = new MemcachedEngine(parseAddresses(server.address)[0]!, PATIENT)
      t.teardown(() => engine.close())
      for (const ttl of [3600, 30 * DAY, 30 * DAY + 1, 31 * DAY, 5 * 365 * DAY]) {
        await engine.set('set', value, { ttl })
        await assertTtl(t, server, 'set', ttl)
        await engine.delete('add')
        t.is(await engine.add('add', value, { ttl }), 1)
        await assertTtl(t, server, 'add', ttl)
        await engine.set('touch', value)
        await engine.touch('touch', ttl)
        await assertTtl(t, server, 'touch', ttl)
        t.true(await (await engine.look('touch')).put(value, ttl))
        await assertTtl(t, server, 'touch', ttl)
      }
    },
  )

  testIf(
    `a file of a month and a day takes the place of another where the clock is ${clock} off`,
    async (t) => {
      const server = await startMemcached(t, { clock })
      const store = new FileStore(memcached(server.address, PATIENT))
      t.teardown(() => store.close())
      const read = async (ref: string) => (await (await store.get(ref)).bytes()).toString()
      await store.put('before', { name: 'f' })
      for (const ttl of [31 * DAY, 5 * 365 * DAY, 60]) {
        const { hash } = await store.put(`for ${ttl}`, { name: 'f', ttl })
        t.is(await read('f'), `for ${ttl}`)
        t.is(await read(hash), `for ${ttl}`)
        t.deepEqual(await store.missing([hash]), [])
      }
    },
  )
}

testIf('the clock is that of the memcached that answers now', async (t) => {
  const first = await startMemcached(t, { clock: '+40d' })
  const engine = memcached(first.address, PATIENT)
  t.teardown(() => engine.close())
  await engine.set('key', value, { ttl: 31 * DAY })
  await assertTtl(t, first, 'key', 31 * DAY)
  await first.stop()
  const second = await startMemcached(t, { clock: '-40d', port: first.port! })
  await engine.set('key', value, { ttl: 31 * DAY })
  await assertTtl(t, second, 'key', 31 * DAY)
})
