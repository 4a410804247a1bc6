import { createHash, createHmac } from 'node:crypto'
import test from 'ava'
import { Sealer, SealKind } from '../../../src/store/records/seal.ts'

const KEY = 'n:0123'
const PAYLOAD = Buffer.from('payload')
const fits = (sealer: Sealer, by: Sealer, key = KEY, payload = PAYLOAD) =>
  sealer.fits(by.seal(KEY, PAYLOAD), key, payload)

test('the seal is the digest that docs/format.md defines', (t) => {
  const sealed = [
    Buffer.from('blobcached link record\0'),
    Buffer.from([0, KEY.length]),
    KEY,
    PAYLOAD,
  ]
  const sha256 = createHash('sha256')
  const hmac = createHmac('sha256', 'secret')
  for (const part of sealed) {
    sha256.update(part)
    hmac.update(part)
  }
  t.deepEqual(new Sealer().seal(KEY, PAYLOAD), sha256.digest())
  t.deepEqual(new Sealer(['secret']).seal(KEY, PAYLOAD), hmac.digest())
})

test('a seal fits its key and its payload and nothing else', (t) => {
  for (const sealer of [new Sealer(), new Sealer(['secret'])]) {
    t.true(fits(sealer, sealer))
    t.false(fits(sealer, sealer, 'n:0124'))
    t.false(fits(sealer, sealer, 'n:012', Buffer.from('3payload')), 'the border is sealed too')
    t.false(fits(sealer, sealer, KEY, Buffer.from('payloae')))
    t.false(sealer.fits(sealer.seal(KEY, PAYLOAD).subarray(1), KEY, PAYLOAD))
    t.false(sealer.fits(Buffer.alloc(0), KEY, PAYLOAD))
  }
})

test('secrets are told apart from each other and from none', (t) => {
  const [none, one, two] = [new Sealer(), new Sealer(['one']), new Sealer(['two'])]
  for (const [sealer, by] of [
    [none, one],
    [one, none],
    [one, two],
  ] as const) {
    t.false(fits(sealer, by))
  }
  t.is(none.kind, SealKind.sha256)
  t.is(one.kind, SealKind.hmacSha256)
})

test('rotation: the first secret seals, every one is accepted', (t) => {
  const rotated = new Sealer(['new', Buffer.from('old'), 'older'])
  t.deepEqual(rotated.seal(KEY, PAYLOAD), new Sealer(['new']).seal(KEY, PAYLOAD))
  for (const secret of ['new', 'old', 'older']) t.true(fits(rotated, new Sealer([secret])))
  t.false(fits(rotated, new Sealer(['oldest'])))
})

test('a secret may be bytes, but not empty, and changing them afterwards changes nothing', (t) => {
  const secret = Buffer.from('bytes')
  const sealer = new Sealer([secret])
  secret.fill(0)
  t.true(fits(sealer, new Sealer(['bytes'])))
  t.throws(() => new Sealer(['']), { code: 'bad-request' })
  t.throws(() => new Sealer(['good', new Uint8Array()]), { code: 'bad-request' })
})
