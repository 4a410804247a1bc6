import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import type { Protocol } from '../../../../src/engine/memcached/protocol/choice.ts'
import { cutAfter, fin, reset } from '../../../helpers/fault-proxy.ts'
import { watched } from '../../../helpers/watchdog.ts'
import { failureOf, fill, QUICK, read, readAll, rig, whole } from '../harness.ts'

/** Header and flags of a get, then the value. */
const PREFIX = 28
const VALUE = 100_000

const cuts = {
  'before the first byte': 0,
  'in the header': 10,
  'after the header': 24,
  'before the value': PREFIX,
  'in the value': PREFIX + VALUE / 2,
  'one byte before the end': PREFIX + VALUE - 1,
  'on a boundary': PREFIX + VALUE,
  'in the second response': PREFIX + VALUE + 5,
  'in the second value': 2 * PREFIX + VALUE + 777,
}

for (const [how, end] of Object.entries({ FIN: fin, RST: reset })) {
  for (const [where, count] of Object.entries(cuts)) {
    test.serial(`${how} ${where} of pipelined gets: no wrong value, all settle`, async (t) => {
      const { proxy, engine } = await rig(t)
      const values = await fill(engine, Array(8).fill(VALUE))
      let cutsLeft = 1
      const cut = cutAfter(count, end)
      proxy.toClient = (bytes, link, forward) => {
        if (link.index > 0 && cutsLeft > 0) cutsLeft = 0
        if (cutsLeft > 0) cut(bytes, link, forward)
        else forward(bytes)
      }
      const first = await readAll(engine, values)
      t.is(first.right, 8, 'all were read again over a fresh connection')
      t.deepEqual(await readAll(engine, values), { right: 8, wrong: 0, absent: 0, unavailable: 0 })
    })
  }

  test(`${how} again and again: unavailable, then right when it stops`, async (t) => {
    const { proxy, engine } = await rig(t)
    const values = await fill(engine, Array(8).fill(VALUE))
    for (const { count } of Object.values(cuts).map((count) => ({ count }))) {
      proxy.toClient = cutAfter(count, end)
      for (const link of proxy.links) end(link)
      const { wrong, absent } = await readAll(engine, values)
      t.deepEqual({ wrong, absent }, { wrong: 0, absent: 0 })
      proxy.heal()
      await sleep(450)
      t.is((await readAll(engine, values)).right, 8, 'after the fault')
    }
  })

  test.serial(`${how} during pipelined sets: each key holds one whole value`, async (t) => {
    const { proxy, engine, server } = await rig(t)
    const old = await fill(engine, Array(6).fill(VALUE))
    let sent = 0
    proxy.toServer = (bytes, link, forward) => {
      forward(bytes)
      sent += bytes.length
      if (link.index === 0 && sent > 2.5 * VALUE) end(link)
    }
    const sets = [...old.keys()].map((key) => engine.set(key, Buffer.alloc(VALUE, key)))
    await watched('sets', Promise.allSettled(sets))
    proxy.heal()
    for (const [key, value] of old) {
      const stored = await server.raw.get(key)
      const fresh = Buffer.alloc(VALUE, key)
      t.true(stored === undefined || stored.equals(value) || stored.equals(fresh), key)
    }
  })
}

/** What comes before a value of `key0`, and after it. */
const AROUND = {
  meta: [`VA ${VALUE} O1234567890\r\n`, '\r\n'],
  text: [`VALUE key0 0 ${VALUE}\r\n`, '\r\nEND\r\n'],
} as const

for (const [protocol, [head, tail]] of Object.entries(AROUND)) {
  const end = head.length + VALUE
  const places: Record<string, number> = {
    'in the line before the value': head.length - 1,
    'in the value': end - 777,
    'between the value and its end': end,
    'in the end of the value': end + 1,
    'on a boundary': end + tail.length,
    'in the second value': end + tail.length + head.length + 777,
  }
  for (const [where, count] of Object.entries(places)) {
    test.serial(`${protocol}: FIN and RST ${where}: no wrong value, all settle`, async (t) => {
      for (const cutOff of [fin, reset]) {
        const { proxy, engine } = await rig(t, { ...QUICK, protocol: protocol as Protocol })
        const values = await fill(engine, Array(8).fill(VALUE))
        const cut = cutAfter(count, cutOff)
        proxy.toClient = (bytes, link, forward) => {
          if (link.index === 0) cut(bytes, link, forward)
          else forward(bytes)
        }
        t.is(
          (await readAll(engine, values)).right,
          8,
          'all were read again over a fresh connection',
        )
        t.is(proxy.count, 2)
      }
    })
  }
}

test.serial('FIN with requests in flight and no later traffic: all settle', async (t) => {
  const { proxy, engine } = await rig(t)
  await engine.ping()
  proxy.toServer = () => {}
  const work = [
    engine.get('a', whole),
    engine.set('b', Buffer.alloc(10)),
    engine.add('c', Buffer.alloc(1)),
  ]
  await sleep(50)
  // The fresh connection gets no answer either.
  proxy.last.client.end()
  for (const each of work) {
    const code = await failureOf(t, 'work', each)
    t.true(code === 'closed' || code === 'connect-timeout', code)
  }
})

for (const protocol of ['binary', 'meta', 'text'] as const) {
  test.serial(
    `${protocol}: a request issued synchronously from a rejection is answered`,
    async (t) => {
      const { proxy, engine } = await rig(t, { ...QUICK, protocol })
      const values = await fill(engine, [1000])
      proxy.toServer = () => {}
      const later = engine.add('x', Buffer.alloc(1)).then(
        () => t.fail(),
        () => {
          proxy.heal()
          return read(engine, 'key0', values.get('key0')!)
        },
      )
      await sleep(50)
      reset(proxy.last)
      t.is(await watched('the request from the rejection', later), 'right')
    },
  )
}

for (const protocol of ['binary', 'meta', 'text'] as const) {
  test(`${protocol}: what an abandoned socket still sends reaches nobody`, async (t) => {
    const { proxy, engine } = await rig(t, { ...QUICK, timeoutMs: 300, protocol })
    const values = await fill(engine, Array(12).fill(50_000))
    for (let round = 0; round < 3; round++) {
      const held: (() => void)[] = []
      const slow = proxy.last
      proxy.passEnds = false
      proxy.toClient = (bytes, link, forward) => {
        if (link === slow) held.push(() => forward(bytes))
        else forward(bytes)
      }
      const work = readAll(engine, values)
      t.is((await work).unavailable, 12)
      // New traffic while the late data, a late FIN or a late RST arrive.
      const traffic = [readAll(engine, values), readAll(engine, values)]
      for (const release of held) release()
      if (round === 1) slow.client.end()
      if (round === 2) slow.client.resetAndDestroy()
      traffic.push(readAll(engine, values))
      for (const each of await Promise.all(traffic)) t.is(each.right, 12)
      proxy.heal()
    }
  })
}

test.serial('an idle connection that was closed is replaced without a failure', async (t) => {
  const { proxy, engine } = await rig(t)
  const values = await fill(engine, [1000])
  for (const end of [fin, reset]) {
    end(proxy.last)
    await sleep(50)
    t.is(await read(engine, 'key0', values.get('key0')!), 'right')
  }
})

for (const protocol of ['binary', 'meta', 'text'] as const) {
  test.serial(`${protocol}: an add that may have arrived is not tried twice`, async (t) => {
    const { proxy, engine, server } = await rig(t, { ...QUICK, protocol })
    await engine.ping()
    proxy.toClient = (_bytes, link) => reset(link)
    t.is(await failureOf(t, 'add', engine.add('key', Buffer.from('x'))), 'reset')
    t.deepEqual(await server.raw.get('key'), Buffer.from('x'))
    t.is(proxy.count, 1)
  })
}
