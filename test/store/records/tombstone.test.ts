import test from 'ava'
import { FileStore, memory } from '../../../src/index.ts'
import { decodeLink } from '../../../src/store/records/link.ts'
import { Sealer } from '../../../src/store/records/seal.ts'
import { decodeTombstone, encodeTombstone } from '../../../src/store/records/tombstone.ts'
import { encodeTombstoneFixture, RECORDS, readFixture, TOMBSTONE } from '../../helpers/records.ts'

const { key, tombstone } = TOMBSTONE
const sealer = new Sealer()
const record = readFixture(TOMBSTONE)

test('format 1, tombstone: decodes to what was stored and encodes to the same bytes', (t) => {
  t.deepEqual(decodeTombstone(record, key, sealer), tombstone)
  t.deepEqual(encodeTombstoneFixture(), record)
})

test('format 1, tombstone: to a reader nothing is there', async (t) => {
  const engine = memory()
  await engine.set(key, record)
  const store = new FileStore(engine)
  const { name } = RECORDS.find((each) => each.key === key)!.link
  await t.throwsAsync(store.get({ name: name! }), { code: 'not-found' })
})

test('invariant 8: a tombstone with one bit flipped, or of another length, is none', (t) => {
  for (let bit = 0; bit < record.length * 8; bit++) {
    const flipped = Buffer.from(record)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    t.is(decodeTombstone(flipped, key, sealer), undefined, `bit ${bit}`)
  }
  for (let length = 0; length < record.length; length++) {
    t.is(decodeTombstone(record.subarray(0, length), key, sealer), undefined)
  }
  t.is(decodeTombstone(Buffer.concat([record, Buffer.alloc(1)]), key, sealer), undefined)
})

test('invariant 8: a tombstone belongs to its key, its secret and its kind', (t) => {
  const secret = new Sealer(['secret'])
  const sealed = encodeTombstone(tombstone, key, secret)
  t.deepEqual(decodeTombstone(sealed, key, new Sealer(['new', 'secret'])), tombstone)
  t.is(decodeTombstone(sealed, key, sealer), undefined)
  t.is(decodeTombstone(record, key, secret), undefined)
  t.is(decodeTombstone(record, key.replace('n:', 'h:'), sealer), undefined)
  t.is(decodeLink(record, key, sealer), undefined)
  for (const { key: linkKey, ...link } of RECORDS) {
    t.is(decodeTombstone(readFixture(link), linkKey, sealer), undefined)
  }
})
