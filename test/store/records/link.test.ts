import test from 'ava'
import fc from 'fast-check'
import {
  decodeLink,
  encodeLink,
  type Link,
  maxChunkCount,
} from '../../../src/store/records/link.ts'
import { Manifest } from '../../../src/store/records/manifest.ts'
import { Sealer } from '../../../src/store/records/seal.ts'
import { bytes } from '../../helpers/bytes.ts'
import { manifestOf, RECORDS, readFixture } from '../../helpers/records.ts'

const sealer = new Sealer()
const { key, link } = RECORDS.find(({ name }) => name === 'by-name')!
const record = encodeLink(link, key, sealer)
const METADATA_AT = 56
const SEAL_LENGTH = 32

/** Changes a record and seals it again, as any program can that knows the format. */
function forge(change: (payload: Buffer) => Buffer | undefined): Buffer {
  const payload = Buffer.from(record.subarray(0, -SEAL_LENGTH))
  const changed = change(payload) ?? payload
  return Buffer.concat([changed, sealer.seal(key, changed)])
}

function withMetadata(json: string | Buffer): Buffer {
  return forge((payload) => {
    const metadata = Buffer.from(json as string)
    const digestsAt = METADATA_AT + payload.readUInt16BE(6)
    payload.writeUInt16BE(metadata.length, 6)
    return Buffer.concat([payload.subarray(0, METADATA_AT), metadata, payload.subarray(digestsAt)])
  })
}

test('whatever is encoded is decoded again', (t) => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 })
  const attributes = fc.dictionary(text, text, { maxKeys: 4, noNullPrototype: true })
  const fields = fc.record(
    {
      endsAt: fc.nat(),
      version: fc.nat(),
      name: text,
      type: text,
      attributes,
      staleFor: fc.nat(1e8),
      keepFor: fc.nat(1e8),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(
      fields,
      fc.nat(),
      fc.nat(1e8),
      fc.uint8Array({ maxLength: 99 }),
      (rest, at, ttl, content) => {
        const manifest = manifestOf(Buffer.from(content), 7)
        const original: Link = { manifest, storedAt: at, ttl, ...rest }
        const decoded = decodeLink(encodeLink(original, key, sealer), key, sealer)
        t.deepEqual({ ...decoded, manifest: undefined }, {
          ...original,
          manifest: undefined,
        } as never)
        t.deepEqual(decoded?.manifest.digests, manifest.digests)
        t.is(decoded?.manifest.size, content.length)
      },
    ),
  )
})

test('invariant 8: one bit flipped anywhere, sealed with a secret or without', (t) => {
  for (const fixture of RECORDS) {
    const stored = readFixture(fixture)
    const opener = new Sealer(fixture.secrets)
    for (let bit = 0; bit < stored.length * 8; bit++) {
      stored[bit >> 3]! ^= 1 << (bit & 7)
      t.is(decodeLink(stored, fixture.key, opener), undefined, `${fixture.name}, bit ${bit}`)
      stored[bit >> 3]! ^= 1 << (bit & 7)
    }
    t.truthy(decodeLink(stored, fixture.key, opener))
  }
})

test('invariant 8: cut short anywhere, or longer', (t) => {
  for (let length = 0; length < record.length; length++) {
    t.is(decodeLink(record.subarray(0, length), key, sealer), undefined, `${length} bytes`)
    t.is(decodeLink(record.subarray(length + 1), key, sealer), undefined, `from ${length + 1}`)
  }
  for (const more of [1, 31, 32, 33, 1000]) {
    const extended = Buffer.concat([record, Buffer.alloc(more)])
    t.is(decodeLink(extended, key, sealer), undefined)
    t.is(decodeLink(Buffer.concat([Buffer.alloc(more), record]), key, sealer), undefined)
  }
})

test('invariant 8: under another key, or sealed by another', (t) => {
  const secret = new Sealer(['secret'])
  t.is(decodeLink(record, key.replace('n:', 'h:'), sealer), undefined)
  t.is(decodeLink(record, `x${key}`, sealer), undefined)
  t.is(decodeLink(record, key, secret), undefined)
  const sealed = encodeLink(link, key, secret)
  t.truthy(decodeLink(sealed, key, secret))
  t.truthy(decodeLink(sealed, key, new Sealer(['newer', 'secret'])))
  t.is(decodeLink(sealed, key, sealer), undefined)
  t.is(decodeLink(sealed, key, new Sealer(['other'])), undefined)
})

test('invariant 8: arbitrary bytes', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (value) => {
      t.is(decodeLink(Buffer.from(value), key, sealer), undefined)
    }),
  )
})

const U64_MAX = 2n ** 64n - 1n
const forgeries: [string, Buffer][] = [
  ['another magic', forge((payload) => void payload.write('blbd'))],
  ['version 0', forge((payload) => void payload.writeUInt8(0, 4))],
  ['version 2', forge((payload) => void payload.writeUInt8(2, 4))],
  ['the other kind of seal', forge((payload) => void payload.writeUInt8(1, 5))],
  ['no such kind of seal', forge((payload) => void payload.writeUInt8(2, 5))],
  ['longer metadata than there is', forge((payload) => void payload.writeUInt16BE(0xffff, 6))],
  ['no metadata', forge((payload) => void payload.writeUInt16BE(0, 6))],
  ['the largest size', forge((payload) => void payload.writeBigUInt64BE(U64_MAX, 8))],
  ['a size no number counts', forge((payload) => void payload.writeBigUInt64BE(2n ** 53n, 8))],
  ['a size of one chunk less', forge((payload) => void payload.writeBigUInt64BE(10n, 8))],
  ['no size', forge((payload) => void payload.writeBigUInt64BE(0n, 8))],
  ['no chunk size', forge((payload) => void payload.writeUInt32BE(0, 16))],
  ['a huge chunk size', forge((payload) => void payload.writeUInt32BE(0xffffffff, 16))],
  ['four thousand million chunks', forge((payload) => void payload.writeUInt32BE(0xffffffff, 20))],
  ['no chunks', forge((payload) => void payload.writeUInt32BE(0, 20))],
  ['one chunk less', forge((payload) => void payload.writeUInt32BE(2, 20))],
  ['a digest less', forge((payload) => payload.subarray(0, -32))],
]
for (const [what, forged] of forgeries) {
  test(`invariant 8: ${what}, well sealed`, (t) => t.is(decodeLink(forged, key, sealer), undefined))
}

const notUtf8 = Buffer.from('{"storedAt":1,"ttl":0,"type":"\xff"}', 'latin1')
const metadata: [string, string | Buffer][] = [
  ['nothing', ''],
  ['no JSON', '{"storedAt":1,"ttl":0'],
  ['an array', '[]'],
  ['null', 'null'],
  ['a number', '1'],
  ['no time', '{"ttl":0}'],
  ['no TTL', '{"storedAt":1}'],
  ['a negative time', '{"storedAt":-1,"ttl":0}'],
  ['a time that no Date can tell', '{"storedAt":8640000000000001,"ttl":0}'],
  ['a time as text', '{"storedAt":"1","ttl":0}'],
  ['half a second', '{"storedAt":1,"ttl":0.5}'],
  ['a TTL that no engine takes', '{"storedAt":1,"ttl":315360001}'],
  ['a negative version', '{"storedAt":1,"ttl":9,"version":-1}'],
  ['a negative time to be stale', '{"storedAt":1,"ttl":9,"staleFor":-1}'],
  ['a time to be kept that is none', '{"storedAt":1,"ttl":9,"keepFor":"1"}'],
  ['a name that is none', '{"storedAt":1,"ttl":0,"name":5}'],
  ['a type that is none', '{"storedAt":1,"ttl":0,"type":null}'],
  ['attributes as a list', '{"storedAt":1,"ttl":0,"attributes":["a"]}'],
  ['no UTF-8', notUtf8],
  ['longer than any', '{"storedAt":1,"ttl":0}'.padEnd(8193)],
  ['an attribute that is no text', '{"storedAt":1,"ttl":0,"attributes":{"a":1}}'],
]
for (const [what, json] of metadata) {
  test(`invariant 8: metadata that is ${what}, well sealed`, (t) => {
    t.is(decodeLink(withMetadata(json), key, sealer), undefined)
  })
}

test('metadata may have 8 KiB', (t) => {
  t.truthy(decodeLink(withMetadata('{"storedAt":1,"ttl":0}'.padEnd(8192)), key, sealer))
})

test('metadata may hold what later releases add', (t) => {
  const decoded = decodeLink(withMetadata('{"storedAt":1,"ttl":2,"color":"red"}'), key, sealer)
  t.like(decoded, { storedAt: 1, ttl: 2 })
  t.false('color' in decoded!)
})

test('invariant 8: decoding copies nothing, whatever a record says of itself', (t) => {
  const all = [record, ...forgeries.map(([, forged]) => forged)]
  const before = process.memoryUsage().arrayBuffers
  const decoded = Array.from({ length: 200 }, () =>
    all.map((each) => decodeLink(each, key, sealer)),
  )
  t.true(process.memoryUsage().arrayBuffers - before < 4 * 1024 * 1024)
  t.is(decoded.flat().filter((each) => each !== undefined).length, 200)
})

test('name, type and attributes have to leave room for the digests', (t) => {
  const long = { ...link, attributes: { a: 'x'.repeat(8200) } }
  t.throws(() => encodeLink(long, key, sealer), { code: 'bad-request' })
})

test('as many chunks as a record has room for, with the longest metadata', (t) => {
  const count = maxChunkCount(1_048_451)
  t.is(count, 32_505)
  const chunkSize = 524_038
  t.true(count * chunkSize > 17e9)
  const full = new Manifest(
    link.manifest.digest,
    count * chunkSize,
    chunkSize,
    bytes('all', count * 32),
  )
  const rest = { storedAt: 1, ttl: 0, attributes: { a: '' } }
  const padding = 8192 - JSON.stringify(rest).length
  const longest = { ...rest, attributes: { a: 'x'.repeat(padding) }, manifest: full }
  const encoded = encodeLink(longest, key, sealer)
  t.true(encoded.length <= 1_048_451 && encoded.length > 1_048_451 - 32)
  t.is(decodeLink(encoded, key, sealer)?.manifest.chunkCount, count)
  for (const tiny of [0, 1, 8279]) t.is(maxChunkCount(tiny), 0)
})
