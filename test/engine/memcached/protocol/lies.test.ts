import { randomBytes } from 'node:crypto'
import test from 'ava'
import { DamagedError } from '../../../../src/engine/engine.ts'
import type { Link } from '../../../helpers/fault-proxy.ts'
import { watched } from '../../../helpers/watchdog.ts'
import { fill, proves, QUICK, readAll, rig, selfProving, whole } from '../harness.ts'

const VALUE = 30_000

/** Changes one response on the first connection, or on every one. */
function lieOnce(change: (response: Buffer) => Buffer | Buffer[], always = false) {
  let lied = false
  return (bytes: Buffer, link: Link, forward: (bytes: Buffer) => void) => {
    const isGet = bytes[0] === 0x81 && bytes[1] === 0
    if (!isGet || (lied && !always) || (link.index > 0 && !always)) return forward(bytes)
    lied = true
    for (const part of [change(Buffer.from(bytes))].flat()) forward(part)
  }
}

const with16 = (at: number, value: number) => (bytes: Buffer) => {
  bytes.writeUInt16BE(value, at)
  return bytes
}
const with32 = (at: number, value: number) => (bytes: Buffer) => {
  bytes.writeUInt32BE(value, at)
  return bytes
}
const with8 = (at: number, value: number) => (bytes: Buffer) => {
  bytes[at] = value
  return bytes
}

const lies: Record<string, (response: Buffer) => Buffer | Buffer[]> = {
  'a wrong magic byte': with8(0, 0x80),
  'the opcode of another request': with8(1, 0x01),
  'a key that a get does not return': with16(2, 1),
  'flags that are too long': with8(4, 8),
  'no flags': with8(4, 0),
  'an unknown data type': with8(5, 1),
  'an unknown status': with16(6, 0x4444),
  'an error with the body of a value': with16(6, 0x0001),
  'a body of 4 GiB': with32(8, 0xffff_ffff),
  'a body of 2 MiB where an item holds 1 MiB': with32(8, 2 * 1024 * 1024),
  'a body that is shorter than its flags': with32(8, 3),
  'an opaque that nobody used': with32(12, 0xdead_beef),
  'rubbish before the response': (bytes) => [
    Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    bytes,
  ],
  'one byte before the response': (bytes) => [Buffer.from([0]), bytes],
  'the response twice': (bytes) => [bytes.subarray(0, 28 + VALUE), bytes],
}

for (const [what, change] of Object.entries(lies)) {
  test.serial(`${what}: the connection is given up, all are read again`, async (t) => {
    const { proxy, engine } = await rig(t)
    const values = await fill(engine, Array(8).fill(VALUE))
    proxy.toClient = lieOnce(change)
    t.is((await readAll(engine, values)).right, 8)
    t.is(proxy.count, 2)
  })

  test.serial(`${what}, always: unavailable, never a wrong value`, async (t) => {
    const { proxy, engine } = await rig(t)
    const values = await fill(engine, Array(4).fill(VALUE))
    proxy.toClient = lieOnce(change, true)
    const { wrong, absent } = await readAll(engine, values)
    t.deepEqual({ wrong, absent }, { wrong: 0, absent: 0 })
  })
}

test.serial('a claim of a huge body allocates nothing', async (t) => {
  const { proxy, engine } = await rig(t)
  await fill(engine, [VALUE])
  const claims = [0x7fff_ffff, 0xffff_fff0, 512 * 1024 * 1024]
  const before = process.memoryUsage().arrayBuffers
  for (const claim of claims) {
    proxy.toClient = lieOnce(with32(8, claim), true)
    for (let i = 0; i < 20; i++) await engine.get('key0', whole).catch(() => {})
  }
  t.true(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024)
})

test.serial(
  'a value that says it is shorter is wrong, so it is read again and is right',
  async (t) => {
    const { proxy, engine } = await rig(t)
    const { key, value } = selfProving(VALUE, 'short')
    await engine.set(key, value)
    proxy.toClient = lieOnce(with32(8, 4 + VALUE - 10))
    t.deepEqual(await watched('get', engine.get(key, proves(key))), value)
  },
)

test.serial('a bit flipped in a value on one connection: read again, right, kept', async (t) => {
  const { proxy, engine, server } = await rig(t)
  const { key, value } = selfProving(VALUE, 'flip')
  await engine.set(key, value)
  proxy.toClient = lieOnce((bytes) => with8(5000, bytes[5000]! ^ 1)(bytes))
  t.deepEqual(await engine.get(key, proves(key), { discard: true }), value)
  t.is(proxy.count, 2, 'over a connection of its own')
  t.deepEqual(await server.raw.get(key), value)
  t.is((await engine.stats())[0]!.connections !== undefined, true)
})

test.serial('a bit flipped in memcached: damaged, discarded, then absent', async (t) => {
  const { engine, server } = await rig(t)
  const { key, value } = selfProving(VALUE, 'rot')
  const rotten = Buffer.from(value)
  rotten[777]! ^= 4
  await server.raw.set(key, rotten)
  await t.throwsAsync(engine.get(key, proves(key)), { instanceOf: DamagedError })
  t.deepEqual(await server.raw.get(key), rotten, 'only discard discards')
  await t.throwsAsync(engine.get(key, proves(key), { discard: true }), { instanceOf: DamagedError })
  t.is(await server.raw.get(key), undefined)
  t.is(await engine.get(key, proves(key)), undefined)
})

test.serial('discard without a CAS deletes nothing', async (t) => {
  const { engine, server } = await rig(t, QUICK, { args: ['-C'] })
  await server.raw.set('key', Buffer.from('wrong'))
  await t.throwsAsync(
    engine.get('key', () => undefined, { discard: true }),
    { instanceOf: DamagedError },
  )
  t.deepEqual(await server.raw.get('key'), Buffer.from('wrong'))
})

test.serial('many damaged values at once: each is judged, no connection stays', async (t) => {
  const { engine, server, proxy } = await rig(t)
  const keys = Array.from({ length: 60 }, (_, i) => `damaged${i}`)
  for (const key of keys) await server.raw.set(key, randomBytes(2000))
  const results = await watched(
    'gets',
    Promise.allSettled(keys.map((key) => engine.get(key, proves(key), { discard: true }))),
  )
  for (const result of results) {
    t.true(result.status === 'rejected' && result.reason instanceof DamagedError)
  }
  t.true(proxy.count < 20, `${proxy.count} connections`)
  for (const key of keys) t.is(await server.raw.get(key), undefined)
})

test.serial(
  'responses that nobody asked for: the connection is replaced, nothing fails',
  async (t) => {
    const { proxy, engine } = await rig(t)
    const values = await fill(engine, [VALUE])
    const unsolicited = Buffer.alloc(24)
    unsolicited[0] = 0x81
    for (const length of [1, 23, 24]) {
      const { count } = proxy
      proxy.last.client.write(unsolicited.subarray(0, length))
      await new Promise((resolve) => setTimeout(resolve, 50))
      t.is((await readAll(engine, values)).right, 1)
      t.is(proxy.count, count + 1)
    }
  },
)

test.serial('responses in another order are another request’s, and are not believed', async (t) => {
  const { proxy, engine } = await rig(t)
  const values = await fill(engine, Array(2).fill(500))
  let held: Buffer | undefined
  proxy.toClient = (bytes, link, forward) => {
    if (link.index > 0) return forward(bytes)
    held = held ? Buffer.concat([held, bytes]) : bytes
    if (held.length < 2 * 528) return
    forward(Buffer.concat([held.subarray(528), held.subarray(0, 528)]))
  }
  t.is((await readAll(engine, values)).right, 2)
  t.is(proxy.count, 2)
})

test.serial(
  'header bits flipped one time in three: no more than the hash has to catch',
  async (t) => {
    const { proxy, engine } = await rig(t)
    const chunks = Array.from({ length: 20 }, (_, i) => selfProving(VALUE + i, `chunk ${i}`))
    for (const { key, value } of chunks) await engine.set(key, value)
    let state = 12345
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return (state >>> 8) % below
    }
    proxy.toClient = (bytes, _link, forward) => {
      const copy = Buffer.from(bytes)
      if (copy[0] === 0x81 && copy[1] === 0 && random(3) === 0) copy[random(24)]! ^= 1 << random(8)
      forward(copy)
    }
    let right = 0
    for (let round = 0; round < 15; round++) {
      const reads = chunks.map(({ key, value }) =>
        watched('get', engine.get(key, proves(key))).then(
          (got) => {
            if (got === undefined) return
            t.true(got.equals(value))
            right++
          },
          () => {},
        ),
      )
      await Promise.all(reads)
    }
    t.true(right > 0)
    proxy.heal()
    await new Promise((resolve) => setTimeout(resolve, 500))
    for (const { key, value } of chunks) t.deepEqual(await engine.get(key, proves(key)), value)
  },
)
