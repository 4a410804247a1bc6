import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { memcached } from '../../../src/engine/memcached/index.ts'
import type { MemcachedOptions } from '../../../src/engine/memcached/options.ts'
import { TooLargeError, UnavailableError } from '../../../src/errors.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultProxy } from '../../helpers/fault-proxy.ts'
import { type MemcachedFlags, startMemcached } from '../../helpers/memcached.ts'
import { hasTwemproxy, startTwemproxy } from '../../helpers/twemproxy.ts'
import { watched } from '../../helpers/watchdog.ts'
import { alone, fillWithLarge, movedPages, PATIENT, press } from './pages/harness.ts'

/** A real memcached that does not know some commands. */
async function without(
  t: ExecutionContext,
  commands: RegExp,
  settings: MemcachedFlags,
  options: MemcachedOptions = {},
) {
  const server = await startMemcached(t, settings)
  const proxy = await FaultProxy.start(t, server.address)
  proxy.toServer = (bytes, _link, forward) => {
    if (bytes.length > 4096) return forward(bytes)
    const text = bytes.toString('latin1').replace(commands, (word) => word.replace(/./g, 'x'))
    forward(Buffer.from(text, 'latin1'))
  }
  const engine = memcached(proxy.address, { ...PATIENT, ...options })
  t.teardown(() => engine.close())
  const said: string[] = []
  engine.observe({ lacks: (_server, ability) => said.push(ability) })
  const lacks = async () => (await engine.stats())[0]!.lacks ?? []
  return { server, proxy, engine, said, lacks }
}

const ASCII = ['-B', 'ascii']

test('as ElastiCache Serverless: no settings, no slabs, no crawler, and all else works', async (t) => {
  const { args, memoryMb } = alone()
  const settings = { memoryMb, args: [...args, ...ASCII] }
  const refused = /^(stats (?=\w)|slabs (?=reassign)|lru_crawler )/gm
  const { server, engine, said, lacks } = await without(t, refused, settings)
  await fillWithLarge(engine)
  await press(engine, () => said.includes('slabs'))
  t.deepEqual(said, ['settings', 'slabs'], 'each once')
  t.deepEqual(await lacks(), ['settings', 'slabs'])
  t.is((await engine.stats())[0]!.protocol, 'meta')
  t.true((await engine.stats())[0]!.items! > 0, 'plain stats are there')
  await engine.set('key', Buffer.from('x'))
  t.true(await engine.touch('key', 100))
  t.is(await movedPages(server), 0)
  await press(engine, () => sleep(2500, true))
  t.is(said.length, 2)
})

test('a memcached that says OK before a list, as 1.6.43 and later: the oldest make room', async (t) => {
  const { server, proxy, engine, said } = await without(t, /(?!)/, alone(), { protocol: 'meta' })
  const listed = new Set<unknown>()
  const pass = proxy.toServer
  proxy.toServer = (bytes, link, forward) => {
    if (bytes.includes('metadump')) listed.add(link)
    pass(bytes, link, forward)
  }
  proxy.toClient = (bytes, link, forward) => {
    if (listed.delete(link) && !bytes.includes('OK\r\n')) forward(Buffer.from('OK\r\n'))
    forward(bytes)
  }
  await fillWithLarge(engine)
  await press(engine, async () => (await movedPages(server)) >= 4)
  t.true((await movedPages(server)) >= 4)
  t.deepEqual(said, [])
  t.is((await server.raw.stats()).slab_reassign_evictions_nomem ?? '0', '0')
})

test('a memcached with -Y moves pages too', async (t) => {
  const ann = { username: 'ann', password: 'secret' }
  const server = await startMemcached(t, { ...alone(), textAuth: ann })
  const engine = memcached(server.address, { ...PATIENT, ...ann })
  t.teardown(() => engine.close())
  await fillWithLarge(engine)
  const moved = async () => (await engine.stats())[0]!.movedPages ?? 0
  await press(engine, async () => (await moved()) >= 4)
  t.true((await moved()) >= 4)
})

test('without touch a read tells whether it is there', async (t) => {
  const { engine, said, lacks } = await without(
    t,
    /^touch /gm,
    { args: ASCII },
    { protocol: 'text' },
  )
  await engine.set('key', Buffer.from('x'))
  t.true(await engine.touch('key', 100))
  t.false(await engine.touch('absent', 100))
  t.deepEqual([said, await lacks()], [['touch'], ['touch']])
})

test('without versions a wrong value is left alone, which is said once', async (t) => {
  for (const protocol of ['binary', 'meta', 'text'] as const) {
    const { server, engine, said } = await without(t, /(?!)/, { args: ['-C'] }, { protocol })
    await server.raw.set('key', Buffer.from('wrong'))
    for (let i = 0; i < 2; i++) {
      await t.throwsAsync(engine.get('key', () => undefined, { discard: true }))
    }
    t.deepEqual(await server.raw.get('key'), Buffer.from('wrong'))
    t.deepEqual(said, ['cas'], protocol)
  }
})

test('without versions what was looked at is replaced, whatever is there by now', async (t) => {
  const blind = { settings: { args: ['-C'] }, commands: /(?!)/ }
  for (const { settings, commands, protocol } of [
    { ...blind, protocol: 'binary' },
    { ...blind, protocol: 'meta' },
    { ...blind, protocol: 'text' },
    { settings: { args: ASCII }, commands: /^gets /gm, protocol: 'text' },
  ] as const) {
    const { engine, said } = await without(t, commands, settings, { protocol })
    await engine.set('key', Buffer.from('one'))
    const look = await engine.look!('key')
    t.is(String(look.current), 'one')
    t.true(await look.put(Buffer.from('two'), 0))
    t.true(await look.put(Buffer.from('three'), 0))
    t.is(await engine.get('key', String), 'three')
    t.deepEqual(said, ['cas'], protocol)
    const absent = await engine.look!('absent')
    t.is(absent.current, undefined)
    t.true(await absent.put(Buffer.from('x'), 0))
    t.false(await absent.put(Buffer.from('y'), 0), 'what is new is added')
  }
})

test('a limit that is not told is learnt from the first refusal', async (t) => {
  const settings = { maxItem: '512k', args: ASCII }
  const { proxy, engine } = await without(t, /^stats (?=settings)/gm, settings)
  t.is(await engine.maxValueSize(3), 1_048_576 - 62)
  await t.throwsAsync(engine.set('key', Buffer.alloc(600_000)), { instanceOf: TooLargeError })
  t.is(await engine.maxValueSize(3), 599_999)
  let sent = 0
  const pass = proxy.toServer
  proxy.toServer = (bytes, link, forward) => {
    sent += bytes.length
    pass(bytes, link, forward)
  }
  await t.throwsAsync(engine.set('key', Buffer.alloc(600_000)), { instanceOf: TooLargeError })
  t.is(sent, 0)
})

const testTwemproxy = hasTwemproxy ? test : test.skip
testTwemproxy(
  'a server that is down behind a proxy: its keys are unavailable, no others',
  async (t) => {
    const { address, servers } = await startTwemproxy(t)
    const proxy = await FaultProxy.start(t, address)
    const other = await startMemcached(t)
    const engine = memcached(proxy.address, PATIENT)
    const fleet = memcached([proxy.address, other.address], { ...PATIENT, replicas: 1 })
    t.teardown(() => Promise.all([engine.close(), fleet.close()]))
    const keys = Array.from({ length: 60 }, (_, i) => `key${i}`)
    const chunk = bytes('behind', 20_000)
    for (const key of keys) {
      await engine.set(key, chunk)
      await fleet.set(key, chunk)
    }
    const connections = proxy.count
    await servers[0]!.stop('SIGKILL')
    const ask = async (from: typeof engine) => {
      const count = { right: 0, absent: 0, unavailable: 0 }
      for (const key of keys) {
        await watched(
          key,
          from.get(key, (value) => value.equals(chunk) || undefined),
        ).then(
          (found) => (found === true ? count.right++ : count.absent++),
          (error) => {
            t.true(error instanceof UnavailableError, String(error))
            count.unavailable++
          },
        )
      }
      return count
    }
    const { right, absent, unavailable } = await ask(engine)
    t.is(absent, 0)
    t.true(unavailable > 0 && right > unavailable / 2, `${right} right, ${unavailable} unavailable`)
    await t.notThrowsAsync(engine.ping())
    t.true((await engine.stats())[0]!.up)
    await ask(fleet)
    t.deepEqual(
      (await fleet.stats()).map(({ up }) => up),
      [true, true],
      'the proxy is not put aside',
    )
    t.is(proxy.count, connections, 'nothing was connected again')
  },
)
