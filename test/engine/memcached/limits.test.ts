import { randomBytes } from 'node:crypto'
import test from 'ava'
import { toExptime } from '../../../src/engine/memcached/commands.ts'
import { memcached } from '../../../src/engine/memcached/index.ts'
import {
  InsufficientStorageError,
  InvalidArgumentError,
  TooLargeError,
} from '../../../src/errors.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { watched } from '../../helpers/watchdog.ts'
import { failureOf, fill, QUICK, readAll, rig, whole } from './harness.ts'

for (const [maxItem, protocol] of [
  ...(['512k', '1m', '2m', '8m'] as const).map((size) => [size, 'binary'] as const),
  ['2m', 'meta'],
  ['2m', 'text'],
] as const) {
  test.serial(
    `${protocol}, -I ${maxItem}: the largest value is stored, one byte more is not sent`,
    async (t) => {
      const { server, engine } = await rig(t, { ...QUICK, protocol }, { maxItem, memoryMb: 256 })
      for (const keyLength of [1, 66, 250]) {
        const key = 'k'.repeat(keyLength)
        const most = await engine.maxValueSize(keyLength)
        await engine.set(key, Buffer.alloc(most, 1))
        await t.throwsAsync(server.raw.set(key, Buffer.alloc(most + 1)), { message: /too large/ })
        await engine.set(key, Buffer.from('old'))
        const error = await t.throwsAsync(engine.set(key, Buffer.alloc(most + 1)), {
          instanceOf: TooLargeError,
        })
        t.is(error.expected, `at most ${most} bytes`)
        t.deepEqual(await server.raw.get(key), Buffer.from('old'))
      }
    },
  )
}

test.serial(
  'the limit is known before the first set, and asked for again after a restart',
  async (t) => {
    const first = await startMemcached(t, { maxItem: '2m' })
    const engine = memcached(first.address, QUICK)
    t.teardown(() => engine.close())
    t.is(await engine.set('key', Buffer.alloc(1_500_000)), 1)
    await first.stop()
    const second = await startMemcached(t, { maxItem: '1m', port: first.port! })
    await second.raw.set('key', Buffer.from('old'))
    await t.throwsAsync(engine.set('key', Buffer.alloc(1_500_000)), { instanceOf: TooLargeError })
    t.deepEqual(await second.raw.get('key'), Buffer.from('old'))
    t.is(await engine.maxValueSize(66), 1_048_451)
  },
)

for (const protocol of ['binary', 'meta', 'text'] as const) {
  test.serial(
    `${protocol}: values that are too large and bad keys leave their neighbours alone`,
    async (t) => {
      const { engine, proxy } = await rig(t, { ...QUICK, protocol })
      const values = await fill(engine, Array(10).fill(50_000))
      const work: Promise<unknown>[] = []
      for (let i = 0; i < 10; i++) {
        work.push(
          t.throwsAsync(engine.set('large', Buffer.alloc(2_000_000)), {
            instanceOf: TooLargeError,
          }),
          t.throwsAsync(engine.get('', whole), { instanceOf: InvalidArgumentError }),
          t.throwsAsync(engine.get('k'.repeat(251), whole), { instanceOf: InvalidArgumentError }),
          readAll(engine, values).then(({ right }) => t.is(right, 10)),
        )
      }
      await watched('all', Promise.all(work))
      t.is(proxy.count, 1)
    },
  )

  test.serial(`${protocol}: no room: InsufficientStorageError`, async (t) => {
    const { engine } = await rig(t, { ...QUICK, protocol }, { memoryMb: 2, args: ['-M'] })
    const sets = Array.from({ length: 30 }, (_, i) => engine.set(`key${i}`, randomBytes(900_000)))
    const results = await watched('sets', Promise.allSettled(sets))
    const refused = results.filter(({ status }) => status === 'rejected')
    t.true(refused.length > 0)
    for (const { reason } of refused as PromiseRejectedResult[]) {
      t.true(reason instanceof InsufficientStorageError, String(reason))
    }
    await t.notThrowsAsync(engine.ping())
  })

  test.serial(`${protocol}: memcached counts the seconds as we mean them`, async (t) => {
    const { engine, server } = await rig(t, { ...QUICK, protocol })
    const month = 30 * 24 * 3600
    for (const ttl of [1, 100, month, month + 1, 5 * 365 * 24 * 3600]) {
      await engine.set('key', Buffer.from('x'), { ttl })
      const left = (await server.raw.ttl('key'))!
      t.true(Math.abs(left - ttl) <= 2, `${ttl}: ${left}`)
    }
    await engine.touch('key', month + 1)
    t.true(Math.abs((await server.raw.ttl('key'))! - month - 1) <= 2)
    await engine.set('key', Buffer.from('x'), { ttl: 0 })
    t.is(await server.raw.ttl('key'), -1)
  })
}

test.serial('sets without limit: memory is bounded, and each settles', async (t) => {
  const { proxy, engine } = await rig(t, { timeoutMs: 3000, connectTimeoutMs: 3000 })
  await engine.ping()
  // A memcached that takes its time.
  proxy.toServer = (bytes, link, forward) => {
    forward(bytes)
    link.client.pause()
    setTimeout(() => link.client.resume(), 1)
  }
  const before = process.memoryUsage.rss()
  let most = 0
  let stored = 0
  let refused = 0
  const sets: Promise<void>[] = []
  for (let i = 0; i < 2000; i++) {
    const work = engine.set(`key${i % 50}`, Buffer.alloc(1_000_000, i))
    sets.push(
      work.then(
        () => void stored++,
        () => void refused++,
      ),
    )
    if (i % 100 === 0) await new Promise(setImmediate)
    most = Math.max(most, process.memoryUsage.rss() - before)
  }
  await watched('sets', Promise.all(sets), 60_000)
  t.is(stored + refused, 2000)
  t.true(stored > 0)
  t.true(most < 800 * 1024 * 1024, `${most >> 20} MiB`)
})

test.serial('beyond the limits of the queue: overloaded, and all right afterwards', async (t) => {
  const { engine } = await rig(t, { ...QUICK, maxQueuedRequests: 50 })
  const gets = Array.from({ length: 100 }, () => engine.get('key', whole))
  const codes = await Promise.all(
    gets.map((get) =>
      get.then(
        () => 'ok',
        (error) => error.cause.code,
      ),
    ),
  )
  t.is(codes.filter((code) => code === 'ok').length, 50)
  t.is(codes.filter((code) => code === 'overloaded').length, 50)
  await t.notThrowsAsync(engine.ping())
  const small = memcached((await startMemcached(t)).address, {
    ...QUICK,
    maxQueuedBytes: 1_000_000,
  })
  t.teardown(() => small.close())
  const first = small.set('a', Buffer.alloc(900_000))
  t.is(await failureOf(t, 'second', small.set('b', Buffer.alloc(900_000))), 'overloaded')
  t.is(await first, 1)
})

test('a TTL is relative up to 30 days, and from there a time by memcached’s own clock', (t) => {
  const now = 1_700_000_000
  const month = 30 * 24 * 3600
  t.is(toExptime(0, now), 0)
  t.is(toExptime(1, now), 1)
  t.is(toExptime(month, now), month)
  t.is(toExptime(month + 1, now), 1_700_000_000 + month + 1)
  t.is(toExptime(month + 1, 2 ** 31 - 1000), 2 ** 31 - 1)
  t.is(toExptime(month), month)
  t.is(toExptime(month + 1), 0, 'without its clock: no limit')
  t.throws(() => toExptime(-1), { instanceOf: InvalidArgumentError })
  t.throws(() => toExptime(1.5), { instanceOf: InvalidArgumentError })
})

test('an option that can never work is named', (t) => {
  for (const [name, value] of [
    ['timeoutMs', 0],
    ['connections', 1.5],
    ['maxInFlightBytes', -1],
    ['backoffMaxMs', Number.NaN],
  ] as const) {
    const error = t.throws(() => memcached('localhost', { [name]: value }), {
      instanceOf: InvalidArgumentError,
    })
    t.true(error!.message.startsWith(name))
  }
})
