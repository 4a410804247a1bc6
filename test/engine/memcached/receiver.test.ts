import test from 'ava'
import fc from 'fast-check'
import { ConnectionError } from '../../../src/engine/memcached/connection-error.ts'
import { Opcode, Status } from '../../../src/engine/memcached/protocol.ts'
import { Receiver } from '../../../src/engine/memcached/receiver.ts'
import type { Expected, Response } from '../../../src/engine/memcached/response.ts'

function encodeResponse(
  opcode: number,
  opaque: number,
  extras: Buffer,
  key: Buffer,
  value: Buffer,
) {
  const head = Buffer.alloc(24)
  head[0] = 0x81
  head[1] = opcode
  head.writeUInt16BE(key.length, 2)
  head[4] = extras.length
  head.writeUInt32BE(extras.length + key.length + value.length, 8)
  head.writeUInt32BE(opaque, 12)
  head.writeBigUInt64BE(casOf(opaque), 16)
  return Buffer.concat([head, extras, key, value])
}

/** With bits in all of its bytes. */
const casOf = (opaque: number) => 0xfedc_ba98_7654_3210n ^ BigInt(opaque)

function receiver(requests: Expected[], maxValue = 1 << 20) {
  const responses: Response[] = []
  const hooks = {
    expected: () => requests[0],
    maxValue: () => maxValue,
    deliver(response: Response) {
      requests.shift()
      responses.push(response)
    },
  }
  return { receiver: new Receiver(hooks), responses }
}

/** Hands `bytes` on in pieces, into the buffers that the receiver wants, as the socket does. */
function pushInPieces(to: Receiver, bytes: Buffer, sizes: number[]): void {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const buffer = to.nextBuffer()
    const length = bytes.copy(buffer, 0, at, at + sizes[i % sizes.length]!)
    to.received(length)
    at += length
  }
}

const EMPTY = Buffer.alloc(0)
const bytesOf = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes))

test('whatever the packets, the responses are the same', (t) => {
  const response = fc.oneof(
    fc
      .oneof(
        bytesOf(2000),
        fc.nat(200_000).map((length) => Buffer.alloc(length, length)),
      )
      .map((value) => [Opcode.get, Buffer.alloc(4, 7), EMPTY, value] as const),
    fc
      .tuple(bytesOf(40), bytesOf(300))
      .map(([key, value]) => [Opcode.stat, EMPTY, key, value] as const),
    fc.constant([Opcode.set, EMPTY, EMPTY, EMPTY] as const),
  )
  const property = fc.property(
    fc.array(response, { maxLength: 20 }),
    fc.array(fc.oneof(fc.integer({ min: 1, max: 700 }), fc.integer({ min: 1, max: 90_000 })), {
      minLength: 1,
      maxLength: 20,
    }),
    (wanted, sizes) => {
      const requests = wanted.map(([opcode], opaque) => ({ opcode, opaque }))
      const bytes = wanted.map(([opcode, extras, key, value], opaque) =>
        encodeResponse(opcode, opaque, extras, key, value),
      )
      const { receiver: subject, responses } = receiver(requests)
      pushInPieces(subject, Buffer.concat(bytes), sizes)
      t.is(responses.length, wanted.length)
      for (const [i, { header, key, val }] of responses.entries()) {
        const [opcode, , wantedKey, value] = wanted[i]!
        t.is(header.cas, casOf(i))
        t.deepEqual([header.opcode, key, val], [opcode, wantedKey, value])
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
      const head = encodeResponse(Opcode.get, 1, EMPTY, EMPTY, EMPTY)
      head.writeUInt16BE(rest[0]! % 2 ? 0 : keyLength, 2)
      head[4] = rest[1]! % 2 ? 4 : extrasLength
      head.writeUInt32BE(rest[2]! % 2 ? bodyLength % 300 : bodyLength, 8)
      return Buffer.concat([head, rest])
    })
  let believed = 0
  let refused = 0
  const property = fc.property(fc.oneof(bytes, plausible), (bytes) => {
    const { receiver: subject, responses } = receiver([{ opcode: Opcode.get, opaque: 1 }])
    try {
      pushInPieces(subject, bytes, [1000])
      believed++
    } catch (error) {
      refused++
      t.true(error instanceof ConnectionError && error.code === 'protocol')
    }
    for (const { val } of responses) t.true(val.length <= 200)
  })
  fc.assert(property, { numRuns: 2000 })
  t.true(believed > 0 && refused > 0)
})

test('a value that fits exactly is taken, one byte more is not', (t) => {
  const of = (length: number) =>
    encodeResponse(Opcode.get, 1, Buffer.alloc(4), EMPTY, Buffer.alloc(length))
  const fits = receiver([{ opcode: Opcode.get, opaque: 1 }], 1000)
  pushInPieces(fits.receiver, of(1000), [1000])
  t.is(fits.responses.length, 1)
  const not = receiver([{ opcode: Opcode.get, opaque: 1 }], 1000)
  t.throws(() => pushInPieces(not.receiver, of(1001), [1000]), { instanceOf: ConnectionError })
})

test('an error text longer than any is a protocol error', (t) => {
  const bytes = encodeResponse(Opcode.get, 1, EMPTY, EMPTY, Buffer.alloc(2000))
  bytes.writeUInt16BE(Status.notFound, 6)
  const { receiver: subject } = receiver([{ opcode: Opcode.get, opaque: 1 }])
  t.throws(() => pushInPieces(subject, bytes, [1000]), { instanceOf: ConnectionError })
})
