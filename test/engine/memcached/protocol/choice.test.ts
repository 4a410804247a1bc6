import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { memcached } from '../../../../src/engine/memcached/index.ts'
import type { MemcachedOptions } from '../../../../src/engine/memcached/options.ts'
import { InvalidArgumentError } from '../../../../src/errors.ts'
import { FaultProxy } from '../../../helpers/fault-proxy.ts'
import { type MemcachedFlags, startMemcached } from '../../../helpers/memcached.ts'
import { hasTwemproxy, startTwemproxy } from '../../../helpers/twemproxy.ts'
import { failureOf, QUICK, recovery } from '../harness.ts'

const PATIENT: MemcachedOptions = { timeoutMs: 4000, connectTimeoutMs: 4000 }
const ann = { username: 'ann', password: 'p@ss:w0rd' }

/** Stores and reads a value through a proxy that counts connections. */
async function use(t: ExecutionContext, address: string, options: MemcachedOptions = PATIENT) {
  const proxy = await FaultProxy.start(t, address)
  const engine = memcached(proxy.address, options)
  t.teardown(() => engine.close())
  const lost: string[] = []
  engine.observe({ lacks: (_server, ability) => lost.push(ability) })
  await engine.set('key', Buffer.from('value'))
  t.is(await engine.get('key', String), 'value')
  const { count } = proxy
  const [stats] = await engine.stats()
  return { engine, proxy, count, lost, protocol: stats!.protocol, lacks: stats!.lacks ?? [] }
}

const SERVERS: [string, MemcachedFlags, MemcachedOptions, string, number][] = [
  ['any memcached', {}, {}, 'binary', 1],
  ['-B binary', { args: ['-B', 'binary'] }, {}, 'binary', 1],
  ['-S, with credentials', { sasl: ann }, ann, 'binary', 1],
  ['-B ascii', { args: ['-B', 'ascii'] }, {}, 'meta', 2],
  ['-Y, with credentials', { textAuth: ann }, ann, 'meta', 2],
  ['any, set to meta', {}, { protocol: 'meta' }, 'meta', 1],
  ['any, set to text', {}, { protocol: 'text' }, 'text', 1],
  ['-Y, set to text', { textAuth: ann }, { ...ann, protocol: 'text' }, 'text', 1],
]
for (const [what, settings, options, expected, connections] of SERVERS) {
  test(`${what}: ${expected}, over ${connections} connections at first`, async (t) => {
    const { address } = await startMemcached(t, settings)
    const start = performance.now()
    const { protocol, count, lacks } = await use(t, address, { ...PATIENT, ...options })
    t.deepEqual([protocol, count, lacks], [expected, connections, []])
    t.true(performance.now() - start < 3500, 'without a timeout')
  })
}

const testTwemproxy = hasTwemproxy ? test : test.skip
testTwemproxy('twemproxy: text, without figures, which is said once', async (t) => {
  const { address } = await startTwemproxy(t)
  const { engine, proxy, protocol, count, lost, lacks } = await use(t, address)
  t.is(protocol, 'text')
  t.deepEqual(lacks, ['settings', 'stats'])
  t.is(count, 4, 'it hangs up on binary, on meta and once on stats')
  await engine.stats()
  proxy.resetAll()
  t.is(await engine.get('key', String), 'value', 'found out once more')
  t.is((await engine.stats())[0]!.protocol, 'text')
  t.is(proxy.count, count + 3, 'and stats are not asked for again')
  t.deepEqual(lost.toSorted(), ['settings', 'stats'], 'and not said again')
})

test('what was found out is remembered, also for a second look', async (t) => {
  const { address, raw } = await startMemcached(t, { args: ['-B', 'ascii'] })
  const { engine, proxy } = await use(t, address)
  await raw.set('key', Buffer.from('damaged'))
  await t.throwsAsync(engine.get('key', () => undefined))
  t.is(proxy.count, 3)
})

test('another server at the same address is found out', async (t) => {
  const first = await startMemcached(t, { args: ['-B', 'ascii'] })
  const engine = memcached(first.address, PATIENT)
  t.teardown(() => engine.close())
  const protocol = async () => (await engine.stats())[0]!.protocol
  await engine.ping()
  t.is(await protocol(), 'meta')
  await first.stop()
  const second = await startMemcached(t, { args: ['-B', 'binary'], port: first.port! })
  await recovery(() => engine.ping())
  t.is(await protocol(), 'binary')
  await second.stop()
  await startMemcached(t, { args: ['-B', 'ascii'], port: first.port! })
  await recovery(() => engine.ping())
  t.is(await protocol(), 'meta')
})

test('a server that hangs for a while keeps its protocol', async (t) => {
  const server = await startMemcached(t)
  const { engine } = await use(t, server.address, { ...QUICK, backoffMaxMs: 50 })
  server.freeze()
  for (let i = 0; i < 3; i++) {
    await failureOf(t, 'get', engine.get('key', String))
    await sleep(60)
  }
  server.thaw()
  await recovery(() => engine.ping())
  t.is((await engine.stats())[0]!.protocol, 'binary')
})

test('credentials that are wrong, missing or too many, with -Y: auth, and nothing is stored', async (t) => {
  const locked = await startMemcached(t, { textAuth: ann })
  const open = await startMemcached(t, { args: ['-B', 'ascii'] })
  const attempts: [string, string, RegExp][] = [
    [`ann:wrong@${locked.address}`, 'auth', /did not accept the credentials/],
    [locked.address, 'auth', /wants credentials/],
    [`ann:secret@${open.address}`, 'auth', /wants no credentials/],
  ]
  for (const [address, code, message] of attempts) {
    for (const protocol of ['auto', 'meta', 'text'] as const) {
      const engine = memcached(address, { ...PATIENT, protocol })
      t.teardown(() => engine.close())
      const set = engine.set('key', Buffer.from('canary'))
      const error = await t.throwsAsync(set, { message })
      t.is((error!.cause as { code: string }).code, code)
      t.false(error!.message.includes('secret'))
    }
  }
  t.is(await open.raw.get('auth'), undefined)
  t.is(await open.raw.get('key'), undefined)
})

test('a password with a space works with SASL, and with -Y it is said that it cannot', async (t) => {
  const spaced = { username: 'ann', password: 'my secret' }
  const sasl = await startMemcached(t, { sasl: spaced })
  const { protocol } = await use(t, sasl.address, { ...PATIENT, ...spaced })
  t.is(protocol, 'binary')
  const { address } = await startMemcached(t, { textAuth: spaced })
  const engine = memcached(address, { ...PATIENT, ...spaced })
  t.teardown(() => engine.close())
  const message = /takes no user or password with a space/
  const error = await t.throwsAsync(engine.ping(), { message })
  t.is((error!.cause as { code: string }).code, 'auth')
  for (const protocol of ['meta', 'text'] as const) {
    const refused = { instanceOf: InvalidArgumentError, message }
    t.throws(() => memcached(`ann:my%20secret@${address}`, { protocol }), refused)
  }
})
