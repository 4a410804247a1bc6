// node --import=tsx test/helpers/write-records.ts: writes the records that fixtures/ does not have
// yet. What is there is never written again: it is what older releases have stored.
import { writeFileSync } from 'node:fs'
import { encodeFixture, fixtureUrl, RECORDS } from './records.ts'

for (const record of RECORDS) {
  try {
    writeFileSync(fixtureUrl(record), encodeFixture(record), { flag: 'wx' })
    console.log(`wrote ${record.name}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    console.log(`kept ${record.name}`)
  }
}
