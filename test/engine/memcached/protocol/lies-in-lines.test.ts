import test from 'ava'
import { ConnectionError } from '../../../../src/engine/memcached/connection-error.ts'
import type { Protocol } from '../../../../src/engine/memcached/protocol/choice.ts'
import { MetaCodec } from '../../../../src/engine/memcached/protocol/meta.ts'
import type { Codec, Request } from '../../../../src/engine/memcached/protocol/protocol.ts'
import { TextCodec } from '../../../../src/engine/memcached/protocol/text.ts'
import type { Link } from '../../../helpers/fault-proxy.ts'
import { fill, QUICK, readAll, rig } from '../harness.ts'

const VALUE = 30_000
const OTHERS: [what: string, from: RegExp, to: string][] = [
  ['an error where a value was', /^[^\r]*\r\n/, 'SERVER_ERROR it was not me\r\n'],
  ['an answer to another command', /^/, 'STORED\r\n'],
  ['a line without its CR', /\r\n/, '\n'],
  ['one byte before the response', /^/, '\0'],
  ['rubbish before the response', /^/, 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ['a value that is longer than it was said to be', / 30000/, ' 29000'],
  ['a size of 2 MiB where an item holds 1 MiB', / 30000/, ' 2097152'],
  ['a size of 4 TiB', / 30000/, ' 4398046511104'],
  ['a size that is none', / 30000/, ' -1'],
  ['a size with a zero in front', / 30000/, ' 030000'],
]
const LIES: Record<string, typeof OTHERS> = {
  meta: [
    ...OTHERS,
    ['the opaque of another request', /O\d+/, 'O1000000000'],
    ['no opaque', / O\d+/, ''],
    ['a flag that was not asked for', /\r\n/, ' t3\r\n'],
  ],
  text: [
    ...OTHERS,
    ['the key of another request', /VALUE key/, 'VALUE kex'],
    ['a CAS that was not asked for', / 30000/, ' 30000 77'],
    ['flags that are none', / 0 30000/, ' x 30000'],
  ],
}

/** Changes the start of the first answer with a value, on the first connection. */
function lieOnce(from: RegExp, to: string) {
  let lied = false
  return (bytes: Buffer, link: Link, forward: (bytes: Buffer) => void) => {
    if (lied || link.index > 0 || !/^VA/.test(bytes.toString('latin1', 0, 2))) return forward(bytes)
    lied = true
    const start = bytes.toString('latin1', 0, 100).replace(from, to)
    forward(Buffer.concat([Buffer.from(start, 'latin1'), bytes.subarray(100)]))
  }
}

for (const [protocol, lies] of Object.entries(LIES)) {
  test.serial(
    `${protocol}: after a lie the connection is given up, all are read again`,
    async (t) => {
      for (const [what, from, to] of lies) {
        const { proxy, engine } = await rig(t, { ...QUICK, protocol: protocol as Protocol })
        const values = await fill(engine, Array(8).fill(VALUE))
        proxy.toClient = lieOnce(from, to)
        const { right, wrong, absent, unavailable } = await readAll(engine, values)
        t.deepEqual([wrong, absent], [0, 0], what)
        // Only an error is believed, of this key; what follows it is not.
        t.is(right + unavailable, 8, what)
        t.true(to.startsWith('SERVER_ERROR') || right === 8, what)
        t.is(proxy.count, 2, what)
        await engine.close()
      }
    },
  )
}

const CODECS: [string, (opaque?: number) => Codec][] = [
  ['meta', (opaque = 1_000_000_000) => new MetaCodec(opaque)],
  ['text', () => new TextCodec()],
]
const refused = { instanceOf: ConnectionError, code: 'protocol' }

for (const [name, create] of CODECS) {
  const parse = (text: string, request: Request, maxValue = 1000) =>
    create().parse(Buffer.from(text, 'latin1'), 0, request, maxValue)
  const head = (size: number) =>
    name === 'meta' ? `VA ${size} O1000000000\r\n` : `VALUE key 0 ${size}\r\n`

  test(`${name}: a value that fits exactly is taken, one byte more is not`, (t) => {
    t.is(parse(head(1000), { verb: 'get', key: 'key' })?.value?.length, 1000)
    t.throws(() => parse(head(1001), { verb: 'get', key: 'key' }), refused)
  })

  test(`${name}: lines and figures without an end are a protocol error`, (t) => {
    t.throws(() => parse('x'.repeat(2000), { verb: 'get', key: 'key' }), refused)
    t.throws(() => parse(`SERVER_ERROR ${'x'.repeat(2000)}\r\n`, { verb: 'noop' }), refused)
    t.throws(() => parse(`STAT pid ${'1'.repeat(20_000)}\r\n`, { verb: 'stats' }), refused)
    const codec = create()
    t.throws(() => {
      for (let i = 0; i < 20_000; i++) {
        codec.parse(Buffer.from('STAT pid 1\r\n'), 0, { verb: 'stats' }, 0)
      }
    }, refused)
  })

  test(`${name}: what an error means`, (t) => {
    const statusOf = (text: string, request: Request) =>
      parse(`${text}\r\n`, request)?.reply?.status
    const set: Request = { verb: 'set', key: 'key', value: Buffer.alloc(1), exptime: 0 }
    t.is(statusOf('SERVER_ERROR out of memory storing object', set), 'out-of-memory')
    t.is(statusOf('SERVER_ERROR object too large for cache', set), 'too-large')
    t.is(statusOf('SERVER_ERROR Connection refused', set), 'error')
    t.is(statusOf('CLIENT_ERROR unauthenticated', set), 'unauthorized')
    t.is(statusOf('ERROR', { verb: 'touch', key: 'key', exptime: 0 }), 'unknown')
    t.is(statusOf('CLIENT_ERROR bad', { verb: 'delete', key: 'key' }), 'error')
    for (const answer of ['ERROR', 'CLIENT_ERROR bad data chunk']) {
      t.throws(() => statusOf(answer, set), refused, 'the value may have been taken for commands')
    }
    const many = { instanceOf: ConnectionError, code: 'connect-failed', message: /-c/ }
    t.throws(() => statusOf('ERROR Too many open connections', { verb: 'noop' }), many)
  })
}

test('the opaque of meta wraps, with as many digits', (t) => {
  const codec = new MetaCodec(4_294_967_294)
  const sent: string[] = []
  const request: Request = { verb: 'delete', key: 'key' }
  for (let i = 0; i < 3; i++) codec.encode(request, { add: (bytes) => sent.push(String(bytes)) })
  t.deepEqual(sent, ['md key O4294967294\r\n', 'md key O4294967295\r\n', 'md key O1000000000\r\n'])
  for (const line of sent) {
    const answer = Buffer.from(line.replace('md key', 'HD'))
    t.is(codec.parse(answer, 0, request, 0)?.reply?.status, 'ok')
  }
})
