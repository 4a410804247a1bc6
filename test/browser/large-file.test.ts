import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memory } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { startTestServer } from '../helpers/server.ts'
import { dropFiles } from './drop-files.ts'
import { openPage, test } from './open-page.ts'

const MB = 1_000_000
const PIECES = 30

/** Resident bytes of the largest renderer among the processes below this one; Linux only. */
function rendererBytes(): number {
  const isOurs = (pid: string): boolean => {
    if (pid === String(process.pid)) return true
    const parent = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return parent !== undefined && parent !== '0' && isOurs(parent)
  }
  const sizes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        const isRenderer = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer')
        if (!isRenderer || !isOurs(pid)) return 0
        const status = readFileSync(`/proc/${pid}/status`, 'utf8')
        return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
      } catch {
        return 0 // It ended while it was looked at.
      }
    })
  return Math.max(...sizes)
}

test('a file of 300 MB goes up from disk, not through memory, and is found whole', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-large-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const path = join(folder, 'large.bin')
  const file = await open(path, 'w')
  for (let index = 0; index < PIECES; index++) await file.write(bytes(`large ${index}`, 10 * MB))
  await file.close()

  const { url, store } = await startTestServer(t, { engine: memory({ maxBytes: 400 * MB }) })
  const page = await openPage(t, url)
  const before = rendererBytes()
  await dropFiles(page, '#drop', [path])
  const row = page.locator('#uploads li')
  await row.waitFor()
  let most = 0
  while ((await row.getAttribute('data-state')) === 'sending') {
    most = Math.max(most, rendererBytes())
    await page.waitForTimeout(20)
  }
  await row.getByText('Stored · 286 MiB, 573 chunks').waitFor()
  t.true(before > 0)
  t.true(most - before < 150 * MB, `the page grew by ${Math.round((most - before) / MB)} MB`)

  await row.getByRole('link', { name: 'Look up' }).click()
  await page.locator('.file .pill').getByText('Intact').waitFor()
  await page.getByRole('img', { name: 'Map of 573 chunks: 573 intact' }).waitFor()
  const [saving] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download' }).click(),
  ])
  t.is(saving.suggestedFilename(), 'large.bin')
  await saving.cancel()
  t.is((await store.get('large.bin')).size, 300 * MB)
})
