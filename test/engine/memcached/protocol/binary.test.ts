import { randomBytes } from 'node:crypto'
import test from 'ava'
import { ConnectionError } from '../../../../src/engine/memcached/connection-error.ts'
import { BinaryCodec } from '../../../../src/engine/memcached/protocol/binary.ts'
import type { Request } from '../../../../src/engine/memcached/protocol/protocol.ts'
import { startMemcached } from '../../../helpers/memcached.ts'
import { watched } from '../../../helpers/watchdog.ts'
import { commandsOver } from '../harness.ts'
import { encodeReply, encodeStats } from './replies.ts'

const parse = (bytes: Buffer, request: Request, maxValue = 1000) =>
  new BinaryCodec(0).parse(bytes, 0, request, maxValue)
const isRefused = { instanceOf: ConnectionError, message: /impossible lengths|without an end/ }

test('a value that fits exactly is taken, one byte more is not', (t) => {
  const of = (length: number) =>
    encodeReply(0x00, { extras: Buffer.alloc(4), value: Buffer.alloc(length) })
  t.is(parse(of(1000), { verb: 'get' })?.value?.length, 1000)
  t.throws(() => parse(of(1001), { verb: 'get' }), isRefused)
})

test('an error text longer than any is a protocol error', (t) => {
  const bytes = encodeReply(0x00, { status: 0x01, value: Buffer.alloc(2000) })
  t.throws(() => parse(bytes, { verb: 'get' }, 1 << 20), isRefused)
})

test('figures without an end are a protocol error, even if they are one over and over', (t) => {
  const codec = new BinaryCodec(0)
  const part = encodeStats(0, [['pid', '1']]).subarray(0, -24)
  t.throws(() => {
    for (let i = 0; i < 20_000; i++) codec.parse(part, 0, { verb: 'stats' }, 0)
  }, isRefused)
})

test.serial('the opaque passes 2^31 and 2^32 unharmed', async (t) => {
  const { address } = await startMemcached(t)
  for (const first of [2 ** 31 - 20, 2 ** 32 - 20]) {
    const commands = commandsOver(t, address, () => new BinaryCodec(first))
    const work = Array.from({ length: 40 }, async (_, i) => {
      const value = randomBytes(1000)
      await commands.set(`key${i}`, value, 0)
      t.deepEqual((await commands.gets(`key${i}`))?.value, value)
    })
    await watched('past the wrap', Promise.all(work))
  }
})
