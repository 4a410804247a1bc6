import test from 'ava'
import fc from 'fast-check'
import { Receiver } from '../../../../src/engine/memcached/connection/receiver.ts'
import { ConnectionError } from '../../../../src/engine/memcached/connection-error.ts'
import { MetaCodec } from '../../../../src/engine/memcached/protocol/meta.ts'
import type { Codec, Reply, Request } from '../../../../src/engine/memcached/protocol/protocol.ts'
import { TextCodec } from '../../../../src/engine/memcached/protocol/text.ts'

interface Exchange {
  request: Request
  /** @param opaque The number of the request. */
  bytes(opaque: number): Buffer
  wanted: Reply
}

const FIRST = 1_000_000_000
const CAS = 18_446_744_073_709_551_615n
const key = 'k'.repeat(250)
const get: Request = { verb: 'get', key }
const gets: Request = { verb: 'gets', key }
const stats: Request = { verb: 'stats' }
const notFound: Reply = { status: 'not-found', text: 'key not found' }

const around = (head: string, value: Buffer, tail: string) =>
  Buffer.concat([Buffer.from(head), value, Buffer.from(tail)])

const FORMS = {
  meta: {
    create: (): Codec => new MetaCodec(FIRST),
    get: (value: Buffer, opaque: number) =>
      around(`VA ${value.length} O${opaque}\r\n`, value, '\r\n'),
    gets: (value: Buffer, opaque: number) =>
      around(`VA ${value.length} c${CAS} O${opaque}\r\n`, value, '\r\n'),
    miss: 'EN\r\n',
  },
  text: {
    create: (): Codec => new TextCodec(),
    get: (value: Buffer) => around(`VALUE ${key} 0 ${value.length}\r\n`, value, '\r\nEND\r\n'),
    gets: (value: Buffer) =>
      around(`VALUE ${key} 4294967295 ${value.length} ${CAS}\r\n`, value, '\r\nEND\r\n'),
    miss: 'END\r\n',
  },
}

const value = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom('\r\nEND\r\n', 'VALUE x 0 5\r\n', '\r\n', 'EN\r\n')
    .map((text) => Buffer.from(text)),
  fc.nat(200_000).map((length) => Buffer.alloc(length, length)),
)
const word = fc.stringMatching(/^[!-~]{1,40}$/)
const figures = fc.uniqueArray(fc.tuple(word, fc.stringMatching(/^[ -~]{0,300}$/)), {
  selector: ([name]) => name,
})

function exchangeOf({ get: ofGet, gets: ofGets, miss }: (typeof FORMS)['meta' | 'text']) {
  return fc.oneof(
    value.map(
      (value): Exchange => ({
        request: get,
        bytes: (opaque) => ofGet(value, opaque),
        wanted: { status: 'ok', value },
      }),
    ),
    value.map(
      (value): Exchange => ({
        request: gets,
        bytes: (opaque) => ofGets(value, opaque),
        wanted: { status: 'ok', value, cas: CAS },
      }),
    ),
    fc.constant<Exchange>({ request: get, bytes: () => Buffer.from(miss), wanted: notFound }),
    fc.constant<Exchange>({
      request: get,
      bytes: () => Buffer.from('SERVER_ERROR backend is down\r\n'),
      wanted: { status: 'error', text: 'backend is down' },
    }),
    figures.map((pairs): Exchange => {
      const lines = pairs.map(([name, figure]) => `STAT ${name} ${figure}\r\n`)
      return {
        request: stats,
        bytes: () => Buffer.from(`${lines.join('')}END\r\n`),
        wanted: { status: 'ok', figures: new Map(pairs) },
      }
    }),
  )
}

/** What answers `requests`, in pieces of these sizes. */
function receive(codec: Codec, requests: readonly Request[], bytes: Buffer, sizes: number[]) {
  const replies: Reply[] = []
  const waiting = [...requests]
  for (const request of requests) codec.encode(request, { add() {} })
  const receiver = new Receiver(codec, {
    oldest: () => waiting[0],
    maxValue: () => 1 << 20,
    answered(reply) {
      waiting.shift()
      replies.push(reply)
    },
  })
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = bytes.copy(receiver.nextBuffer(), 0, at, at + sizes[i % sizes.length]!)
    receiver.received(length)
    at += length
  }
  return replies
}

const withoutValue = ({ value, ...rest }: Reply) => ({ ...rest, length: value?.length })
const toBytes = (exchanges: readonly Exchange[]) => {
  let opaque = FIRST
  const parts = exchanges.map((each) => each.bytes(each.request === stats ? 0 : opaque++))
  return Buffer.concat(parts)
}

for (const [name, form] of Object.entries(FORMS)) {
  const exchanges = fc.array(exchangeOf(form), { maxLength: 20 })
  const size = fc.oneof(fc.integer({ min: 1, max: 700 }), fc.integer({ min: 1, max: 90_000 }))

  test(`${name}: whatever the packets, the replies are the same`, (t) => {
    const sizes = fc.array(size, { minLength: 1, maxLength: 20 })
    const property = fc.property(exchanges, sizes, (exchanges, sizes) => {
      const requests = exchanges.map(({ request }) => request)
      const replies = receive(form.create(), requests, toBytes(exchanges), sizes)
      t.is(replies.length, exchanges.length)
      for (const [i, { wanted }] of exchanges.entries()) {
        t.deepEqual(withoutValue(replies[i]!), withoutValue(wanted))
        if (wanted.value !== undefined) t.true(replies[i]!.value!.equals(wanted.value))
      }
    })
    fc.assert(property, { numRuns: 60 })
  })

  test(`${name}: changed bytes are a protocol error or nothing, never a crash or a large buffer`, (t) => {
    const damage = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 })
    const rubbish = fc.uint8Array({ minLength: 1, maxLength: 200 })
    const property = fc.property(exchanges, damage, rubbish, (exchanges, damage, rubbish) => {
      const requests = exchanges.map(({ request }) => request)
      const bytes = Buffer.concat([toBytes(exchanges), Buffer.from(rubbish)])
      for (const [at, byte] of damage) bytes[at % bytes.length] = byte
      try {
        const replies = receive(form.create(), [...requests, get], bytes, [1000])
        for (const { value } of replies) t.true((value?.length ?? 0) <= 1 << 20)
      } catch (error) {
        t.true(error instanceof ConnectionError && error.code === 'protocol', String(error))
      }
    })
    fc.assert(property, { numRuns: 500 })
  })
}
