import test from 'ava'
import fc from 'fast-check'
import { Receiver } from '../../../../src/engine/memcached/connection/receiver.ts'
import { ConnectionError } from '../../../../src/engine/memcached/connection-error.ts'
import { BinaryCodec } from '../../../../src/engine/memcached/protocol/binary.ts'
import type { Reply, Request } from '../../../../src/engine/memcached/protocol/protocol.ts'
import { casOf, encodeReply, encodeStats } from '../protocol/replies.ts'

/** What answers `requests`, whose opaques count from 0, in pieces of these sizes. */
function receive(requests: Request[], bytes: Buffer, sizes: number[], maxValue = 1 << 20): Reply[] {
  const replies: Reply[] = []
  const waiting = [...requests]
  const receiver = new Receiver(new BinaryCodec(0), {
    oldest: () => waiting[0],
    maxValue: () => maxValue,
    answered(reply) {
      waiting.shift()
      replies.push(reply)
    },
  })
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const buffer = receiver.nextBuffer()
    const length = bytes.copy(buffer, 0, at, at + sizes[i % sizes.length]!)
    receiver.received(length)
    at += length
  }
  return replies
}

const bytesOf = (maxLength: number, minLength = 0) =>
  fc.uint8Array({ minLength, maxLength }).map((bytes) => Buffer.from(bytes))

const value = fc.oneof(
  bytesOf(2000),
  fc.nat(200_000).map((length) => Buffer.alloc(length, length)),
)
const figures = fc
  .uniqueArray(fc.tuple(bytesOf(40, 1), bytesOf(300)), { selector: ([name]) => String(name) })
  .map((pairs) =>
    pairs.map(([name, figure]) => [name.toString('latin1'), figure.toString('latin1')]),
  )

const exchange = fc.oneof(
  value.map((value) => ({
    request: { verb: 'get' } as Request,
    bytes: (opaque: number) => encodeReply(0x00, { opaque, extras: Buffer.alloc(4, 7), value }),
    wanted: (): Reply => ({ status: 'ok', value }),
  })),
  value.map((value) => ({
    request: { verb: 'gets' } as Request,
    bytes: (opaque: number) => encodeReply(0x00, { opaque, extras: Buffer.alloc(4, 7), value }),
    wanted: (opaque: number): Reply => ({ status: 'ok', value, cas: casOf(opaque) }),
  })),
  figures.map((pairs) => ({
    request: { verb: 'stats' } as Request,
    bytes: (opaque: number) => encodeStats(opaque, pairs as [string, string][]),
    wanted: (): Reply => ({ status: 'ok', figures: new Map(pairs as [string, string][]) }),
  })),
  fc.constant({
    request: { verb: 'set' } as Request,
    bytes: (opaque: number) => encodeReply(0x01, { opaque }),
    wanted: (): Reply => ({ status: 'ok' }),
  }),
)

const withoutValue = ({ value, ...rest }: Reply) => ({ ...rest, length: value?.length })

test('whatever the packets, the replies are the same', (t) => {
  const size = fc.oneof(fc.integer({ min: 1, max: 700 }), fc.integer({ min: 1, max: 90_000 }))
  const property = fc.property(
    fc.array(exchange, { maxLength: 20 }),
    fc.array(size, { minLength: 1, maxLength: 20 }),
    (exchanges, sizes) => {
      const bytes = Buffer.concat(exchanges.map(({ bytes }, opaque) => bytes(opaque)))
      const requests = exchanges.map(({ request }) => request)
      const wanted = exchanges.map(({ wanted }, opaque) => wanted(opaque))
      const replies = receive(requests, bytes, sizes)
      t.deepEqual(replies.map(withoutValue), wanted.map(withoutValue))
      for (const [i, { value }] of wanted.entries()) {
        if (value !== undefined) t.true(replies[i]!.value!.equals(value))
      }
    },
  )
  fc.assert(property, { numRuns: 100 })
})

test('arbitrary bytes are a protocol error or nothing, never a crash or a large buffer', (t) => {
  const bytes = fc.uint8Array({ minLength: 24, maxLength: 200 }).map((some) => Buffer.from(some))
  const plausible = fc
    .tuple(bytes, fc.nat(300), fc.nat(8), fc.nat(2 ** 31))
    .map(([rest, keyLength, extrasLength, bodyLength]) => {
      const head = encodeReply(0x00, { opaque: 0 })
      head.writeUInt16BE(rest[0]! % 2 ? 0 : keyLength, 2)
      head[4] = rest[1]! % 2 ? 4 : extrasLength
      head.writeUInt32BE(rest[2]! % 2 ? bodyLength % 300 : bodyLength, 8)
      return Buffer.concat([head, rest])
    })
  let believed = 0
  let refused = 0
  const property = fc.property(fc.oneof(bytes, plausible), (bytes) => {
    try {
      for (const { value } of receive([{ verb: 'get' }], bytes, [1000])) {
        t.true((value?.length ?? 0) <= 200)
      }
      believed++
    } catch (error) {
      refused++
      t.true(error instanceof ConnectionError && error.code === 'protocol')
    }
  })
  fc.assert(property, { numRuns: 2000 })
  t.true(believed > 0 && refused > 0)
})

test('a head that is longer than the codec allows is a protocol error', (t) => {
  const endless = {
    lacks: new Set<never>(),
    maxHeadLength: 100,
    encode() {},
    parse: () => undefined,
  }
  for (const size of [1, 99, 1000]) {
    const hooks = { oldest: () => ({ verb: 'noop' }) as const, maxValue: () => 0, answered() {} }
    const receiver = new Receiver(endless, hooks)
    const feed = () => {
      for (let sent = 0; sent < 101; sent += size) {
        receiver.nextBuffer()
        receiver.received(size)
      }
    }
    t.throws(feed, { instanceOf: ConnectionError, message: /without an end/ }, `${size}`)
  }
})
