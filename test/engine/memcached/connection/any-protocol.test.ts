import { randomBytes } from 'node:crypto'
import test from 'ava'
import { ConnectionError, violation } from '../../../../src/engine/memcached/connection-error.ts'
import type {
  ByteSink,
  Codec,
  Head,
  Reply,
  Request,
  Verb,
} from '../../../../src/engine/memcached/protocol/protocol.ts'
import { startMemcached } from '../../../helpers/memcached.ts'
import { watched } from '../../../helpers/watchdog.ts'
import { commandsOver } from '../harness.ts'

const STATUS: Record<string, Reply> = {
  STORED: { status: 'ok' },
  DELETED: { status: 'ok' },
  MN: { status: 'ok' },
  END: { status: 'not-found' },
  NOT_FOUND: { status: 'not-found' },
  NOT_STORED: { status: 'exists' },
}

/** Some of memcached's text protocol, which has replies in several heads around a value. */
class TextCodec implements Codec {
  readonly lacks: ReadonlySet<Verb> = new Set<Verb>(['touch', 'auth'])
  readonly maxHeadLength = 300
  #value: Buffer | undefined
  #cas = 0n
  #figures = new Map<string, string>()

  encode({ verb, key = '', value, exptime = 0 }: Request, sink: ByteSink): void {
    const line = verb === 'noop' ? 'mn' : `${verb} ${key}`.trim()
    if (value === undefined) {
      sink.add(Buffer.from(`${line}\r\n`))
    } else {
      sink.add(Buffer.from(`${line} 0 ${exptime} ${value.length}\r\n`))
      sink.add(value)
      sink.add(Buffer.from('\r\n'))
    }
  }

  parse(bytes: Buffer, start: number, { verb, allocate }: Request): Head | undefined {
    const end = bytes.indexOf('\r\n', start + (this.#value ? 2 : 0))
    if (end === -1) return undefined
    const head = { length: end + 2 - start, value: undefined, reply: undefined }
    const [word = '', ...rest] = bytes.toString('latin1', start, end).split(' ')
    if (word === '\r\nEND' && this.#value !== undefined) {
      const [value, cas] = [this.#value, this.#cas]
      this.#value = undefined
      return { ...head, reply: { status: 'ok', value, cas } }
    }
    if (word === 'VALUE') {
      this.#value = (allocate ?? Buffer.allocUnsafe)(Number(rest[2]))
      this.#cas = BigInt(rest[3] ?? 0)
      return { ...head, value: this.#value }
    }
    if (word === 'STAT') {
      this.#figures.set(rest[0]!, rest.slice(1).join(' '))
      return head
    }
    if (word === 'END' && verb === 'stats') {
      const figures = this.#figures
      this.#figures = new Map()
      return { ...head, reply: { status: 'ok', figures } }
    }
    const reply = STATUS[word]
    if (reply === undefined) throw violation('a line that is no answer')
    return { ...head, reply }
  }
}

test('a connection works with any codec: values, figures, the limit, what a protocol lacks', async (t) => {
  const { address } = await startMemcached(t, { maxItem: '2m' })
  const commands = commandsOver(t, address, () => new TextCodec())
  const values = [0, 1, 4096, 70_000, 1_500_000].map((length) => randomBytes(length))
  const work = values.map(async (value, i) => {
    await commands.set(`key${i}`, value, 0)
    t.true(value.equals((await commands.get(`key${i}`))!), `${value.length}`)
    const item = await commands.gets(`key${i}`)
    t.true(value.equals(item!.value) && item!.cas > 0n)
    t.is(await commands.get('absent'), undefined)
  })
  await watched('all at once', Promise.all(work))
  t.false(await commands.add('key0', values[1]!, 0))
  t.true(await commands.delete('key0'))
  t.false(await commands.delete('key0'))
  t.regex((await commands.stats()).get('pid')!, /^\d+$/)
  t.is(await commands.maxValueSize(66), 2 * 1024 * 1024 - 125, 'as `stats settings` told')
  const touch = commands.touch('key1', 0)
  const error = await t.throwsAsync<ConnectionError>(touch, { instanceOf: ConnectionError })
  t.is(error.code, 'unsupported')
  await t.notThrowsAsync(commands.noop())
})
