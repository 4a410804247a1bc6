import { randomBytes } from 'node:crypto'
import test from 'ava'
import { ConnectionError } from '../../../../src/engine/memcached/connection-error.ts'
import { BinaryCodec } from '../../../../src/engine/memcached/protocol/binary.ts'
import { MetaCodec } from '../../../../src/engine/memcached/protocol/meta.ts'
import type { Verb } from '../../../../src/engine/memcached/protocol/protocol.ts'
import { TextCodec } from '../../../../src/engine/memcached/protocol/text.ts'
import { startMemcached } from '../../../helpers/memcached.ts'
import { watched } from '../../../helpers/watchdog.ts'
import { commandsOver } from '../harness.ts'

/** A protocol that has no words for a touch. */
class Untouching extends TextCodec {
  override readonly lacks: ReadonlySet<Verb> = new Set<Verb>(['touch'])
}

for (const Codec of [BinaryCodec, MetaCodec, TextCodec]) {
  test(`${Codec.name}: values, versions, figures, the limit`, async (t) => {
    const { address } = await startMemcached(t, { maxItem: '2m' })
    const commands = commandsOver(t, address, () => new Codec())
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
    t.true(await commands.touch('key0', 100))
    t.false(await commands.touch('absent', 100))
    t.true(await commands.delete('key0'))
    t.false(await commands.delete('key0'))
    await commands.add('key0', values[1]!, 0)
    t.deepEqual(await commands.get('key0'), values[1])
    t.regex((await commands.stats()).get('pid')!, /^\d+$/)
    t.true((await commands.statsOf('slabs')).has('active_slabs'))
    t.is(await commands.maxValueSize(66), 2 * 1024 * 1024 - 125, 'as `stats settings` told')
    await t.notThrowsAsync(commands.noop())
  })

  test(`${Codec.name}: a version is deleted, another one stays`, async (t) => {
    const { address } = await startMemcached(t)
    const commands = commandsOver(t, address, () => new Codec())
    await commands.set('key', randomBytes(100), 0)
    const { cas } = (await commands.gets('key'))!
    await commands.deleteUnchanged('key', cas + 1n)
    t.true((await commands.get('key')) !== undefined)
    await commands.deleteUnchanged('key', cas)
    t.is(await commands.get('key'), undefined)
    await commands.deleteUnchanged('key', cas)
    t.true(await commands.add('key', randomBytes(1), 0), 'nothing is left in its place')
  })
}

test('what a protocol lacks is unsupported, and harms nothing else', async (t) => {
  const { address } = await startMemcached(t)
  const commands = commandsOver(t, address, () => new Untouching())
  const touch = commands.touch('key1', 0)
  const error = await t.throwsAsync<ConnectionError>(touch, { instanceOf: ConnectionError })
  t.is(error.code, 'unsupported')
  await t.notThrowsAsync(commands.noop())
})
