import { readFileSync } from 'node:fs'
import test from 'ava'
import { CLAIM_KEY } from '../../src/engine/memcached/pages/page-mover.ts'
import { Digest, memcached } from '../../src/index.ts'
import { Keys } from '../../src/store/records/keys.ts'
import { maxChunkCount } from '../../src/store/records/link.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { RECORDS, readFixture } from '../helpers/records.ts'

const text = readFileSync(new URL('../../docs/format.md', import.meta.url), 'utf8')

test('the page names every kind of key', (t) => {
  const keys = new Keys()
  const hash = Digest.empty
  const all = [keys.chunk(hash), keys.linkByHash(hash), keys.linkByName('a'), keys.lease({ hash })]
  for (const key of all) t.true(text.includes(`| \`${/^(?:l(?=h)|\w:)/.exec(key)?.[0]}\` + `), key)
  t.true(text.includes(`| \`${CLAIM_KEY}\` |`))
})

test('the annotated example is the fixture, byte for byte', (t) => {
  const shown: Buffer[] = []
  let at = 0
  for (const [, offset, digits] of text.matchAll(/^([0-9a-f]{8}) {2}((?:[0-9a-f]{2} ?)+)/gm)) {
    t.is(Number.parseInt(offset!, 16), at)
    shown.push(Buffer.from(digits!.replaceAll(' ', ''), 'hex'))
    at += shown.at(-1)!.length
  }
  const record = RECORDS.find(({ name }) => name === 'by-hash')!
  t.deepEqual(Buffer.concat(shown), readFixture(record))
  t.true(text.includes(`\`${record.key}\``))
})

const number = (cell: string | undefined) => Number(cell?.replaceAll(',', ''))
const limits = Array.from(
  text.matchAll(/^\| (\d+m).*? \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) GB \| ([\d.]+) ([GT])B \|$/gm),
)

test('the limits are what memcached and the code make of it', async (t) => {
  t.is(limits.length, 3)
  for (const [, item, value, chunks, byDefault, largest, unit] of limits) {
    const server = await startMemcached(t, { maxItem: item! })
    const engine = memcached(server.address, { connectTimeoutMs: 10_000, timeoutMs: 10_000 })
    t.teardown(() => engine.close())
    const maxValue = await engine.maxValueSize(66)
    t.is(maxValue, number(value))
    const count = maxChunkCount(maxValue)
    t.is(count, number(chunks))
    t.is(((count * 524_038) / 1e9).toFixed(1), byDefault!)
    t.is(((count * maxValue) / (unit === 'T' ? 1e12 : 1e9)).toFixed(1), largest!)
  }
})
