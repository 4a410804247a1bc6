import test from 'ava'
import { OriginSource } from '../../../src/http/filling/source.ts'
import { FileStore, memory } from '../../../src/index.ts'
import { Origin } from '../../../src/origin/index.ts'

test('long names of files that are not there take no more memory than short ones', async (t) => {
  const store = new FileStore(memory())
  const origin = new Origin({ url: 'http://127.0.0.1:1/', negativeTtl: 3600 })
  t.teardown(() => Promise.all([store.close(), origin.close()]))
  origin.fetch = async () => ({ kind: 'absent' })
  const source = new OriginSource(store, origin)
  const names = Array.from({ length: 10_000 }, (_, index) => '€'.repeat(330) + index)
  const { signal } = new AbortController()
  for (const name of names) {
    const asked = source.produce({ name, reason: 'not-found', signal })
    await asked.catch((error) => t.is(error.code, 'not-found'))
  }
  const known = names.filter((name) => source.absenceOf(source.addressOf({ name })!) !== undefined)
  t.is(known.at(-1), names.at(-1))
  const bytes = known.reduce((sum, name) => sum + 3 * Buffer.byteLength(name), 0)
  t.true(bytes > 1_000_000 && bytes < 16 * 1024 * 1024, `${bytes}`)
})
