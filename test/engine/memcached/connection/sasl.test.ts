import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { memcached } from '../../../../src/engine/memcached/index.ts'
import { UnavailableError } from '../../../../src/errors.ts'
import { FaultProxy } from '../../../helpers/fault-proxy.ts'
import { startMemcached } from '../../../helpers/memcached.ts'
import { failureOf, QUICK } from '../harness.ts'

const sasl = { username: 'ann', password: 'p@ss:w0rd' }

test.serial('the right credentials, in the address or in the options', async (t) => {
  const { address } = await startMemcached(t, { sasl })
  for (const engine of [
    memcached(`ann:p@ss:w0rd@${address}`, QUICK),
    memcached(address, { ...QUICK, ...sasl }),
  ]) {
    t.teardown(() => engine.close())
    await engine.set('key', Buffer.from('value'))
    t.is(await engine.get('key', String), 'value')
  }
})

test.serial(
  'wrong and missing credentials: auth, and nothing is written, then or later',
  async (t) => {
    const { address } = await startMemcached(t, { sasl })
    const proxy = await FaultProxy.start(t, address)
    const sent: Buffer[] = []
    proxy.toServer = (bytes, _link, forward) => {
      sent.push(bytes)
      forward(bytes)
    }
    const right = memcached(address, { ...QUICK, ...sasl })
    t.teardown(() => right.close())
    for (const text of [`ann:wrong@${proxy.address}`, proxy.address]) {
      const engine = memcached(text, QUICK)
      t.teardown(() => engine.close())
      const work = Array.from({ length: 5 }, () => engine.set('key', Buffer.from('canary')))
      for (const each of work) t.is(await failureOf(t, 'set', each), 'auth')
      const add = engine.add('key', Buffer.from('canary'))
      const error = await t.throwsAsync(add, { instanceOf: UnavailableError })
      t.true(error.cause instanceof Error)
      t.false(error.message.includes('wrong'))
    }
    await sleep(300)
    t.false(Buffer.concat(sent).includes('canary'))
    t.is(await right.get('key', String), undefined)
  },
)

test.serial('credentials for a memcached that wants none: auth', async (t) => {
  const { address } = await startMemcached(t)
  const engine = memcached(`ann:secret@${address}`, QUICK)
  t.teardown(() => engine.close())
  t.is(await failureOf(t, 'get', engine.get('key', String)), 'auth')
})

test.serial('credentials in the environment are never used silently', async (t) => {
  process.env.MEMCACHE_USERNAME = 'ann'
  process.env.MEMCACHE_PASSWORD = 'secret'
  t.teardown(() => {
    delete process.env.MEMCACHE_USERNAME
    delete process.env.MEMCACHE_PASSWORD
  })
  const { address } = await startMemcached(t)
  const engine = memcached(address, QUICK)
  t.teardown(() => engine.close())
  await t.notThrowsAsync(engine.ping())
})
