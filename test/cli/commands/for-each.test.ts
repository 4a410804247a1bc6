import test from 'ava'
import { forEach } from '../../../src/cli/commands/for-each.ts'
import { ToldError } from '../../../src/cli/exit-codes.ts'
import type { Report } from '../../../src/cli/terminal/report.ts'

test('the failures of a long list are counted, however many there are', async (t) => {
  const items = Array.from({ length: 200_000 }, (_, index) => index)
  const report = { error: () => {} } as unknown as Report
  const { signal } = new AbortController()

  const all = forEach(items, { jobs: 4, signal, report, labelOf: String }, async () => {
    throw new Error('no')
  })

  const error = await t.throwsAsync(all, { instanceOf: ToldError, message: '200000 failed' })
  t.is(error.exitCode, 1)
})
