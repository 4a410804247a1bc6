import test from 'ava'
import { FileStore, memory } from '../../../src/index.ts'
import { decodeLink } from '../../../src/store/records/link.ts'
import { Sealer } from '../../../src/store/records/seal.ts'
import { encodeFixture, RECORDS, readFixture } from '../../helpers/records.ts'

/** An hour after they were stored, the fixtures that were to live for one are over. */
const clock = { now: Date.now() }
Date.now = () => clock.now

for (const record of RECORDS) {
  test(`format 1, ${record.name}: decodes to what was stored`, (t) => {
    const link = decodeLink(readFixture(record), record.key, new Sealer(record.secrets))
    const { manifest, ...rest } = record.link
    t.like(link, rest)
    t.deepEqual(link?.manifest.digests, manifest.digests)
    t.deepEqual(link?.manifest.digest.hex, manifest.digest.hex)
    t.like(link?.manifest, { size: manifest.size, chunkSize: manifest.chunkSize })
  })

  test(`format 1, ${record.name}: encodes to the same bytes`, (t) => {
    const stored = readFixture(record)
    const link = decodeLink(stored, record.key, new Sealer(record.secrets))!
    t.deepEqual(encodeFixture({ ...record, link }), stored)
    t.deepEqual(encodeFixture(record), stored)
  })

  test(`format 1, ${record.name}: a store serves the file`, async (t) => {
    clock.now = record.link.storedAt + 1000
    const engine = memory()
    const content = Buffer.from('hello, world\n').subarray(0, record.link.manifest.size)
    for (const { digest, offset, size } of record.link.manifest.chunks()) {
      await engine.set(`c:${digest.hex}`, content.subarray(offset, offset + size))
    }
    await engine.set(record.key, readFixture(record))
    const store = new FileStore(engine, record.secrets.length > 0 ? { secret: record.secrets } : {})
    const { name } = record.link
    const file = await store.get(name === undefined ? record.link.manifest.digest : { name })
    t.deepEqual(await file.bytes(), content)
    t.is(file.storedAt.toISOString(), '2026-01-02T03:04:05.678Z')
    t.is(file.type, record.link.type)
    t.deepEqual(file.attributes, record.link.attributes ?? {})
  })
}
