// Writes the records that fixtures/ lacks: node --import=tsx test/helpers/write-records.ts
// It never overwrites a fixture, since older releases have stored those bytes.
import { writeFileSync } from 'node:fs'
import { encodeFixture, encodeTombstoneFixture, fixtureUrl, RECORDS, TOMBSTONE } from './records.ts'

function write(record: { name: string }, bytes: Buffer): void {
  try {
    writeFileSync(fixtureUrl(record), bytes, { flag: 'wx' })
    console.log(`wrote ${record.name}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    console.log(`kept ${record.name}`)
  }
}

for (const record of RECORDS) write(record, encodeFixture(record))
write(TOMBSTONE, encodeTombstoneFixture())
