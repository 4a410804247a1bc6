// node --import=tsx test/helpers/write-records.ts: writes the records that fixtures/ does not have
// yet. What is there is never written again: it is what older releases have stored.
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
