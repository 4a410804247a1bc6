// Writes docs/page.png: the page over a real memcached that lost and damaged some chunks.
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import { startServer } from '../src/http/index.ts'
import { FileStore, memcached } from '../src/index.ts'
import { dropFiles } from '../test/browser/drop-files.ts'
import { bytes } from '../test/helpers/bytes.ts'
import { chromiumPath } from '../test/helpers/chromium.js'
import { launchMemcached } from '../test/helpers/memcached.ts'

const MB = 1_000_000
const POLL_MS = 2000
const PICTURE = 'docs/page.png'
const FILES = { 'report.pdf': 1.4 * MB, 'disk-image.qcow2': 49 * MB }

const cache = await launchMemcached({ memoryMb: 192 })
const store = new FileStore(memcached(cache.address))
const server = await startServer(store, { port: 0, graceMs: 0 })
const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] })
try {
  const page = await browser.newPage({ viewport: { width: 1240, height: 930 } })
  await page.clock.install()
  // Five minutes of the page pass in seconds: /fleet must not be served from the server's cache.
  await page.route('**/fleet', async (route) => {
    const servers = await store.engine.stats()
    await route.fulfill({
      json: { copies: 1, servers: servers.map((each) => ({ ...each, server: 'cache-1:11211' })) },
    })
  })
  await page.goto(server.url)
  await passTime(page)
  await damage(await upload(page))
  await page.getByRole('link', { name: 'Look up' }).first().click()
  await page.locator('.file .pill').getByText('Corrupt').waitFor()
  await page.evaluate(() => (document.activeElement as HTMLElement).blur())
  await page.mouse.move(0, 0)
  await page.screenshot({ path: PICTURE })
  // A palette halves the file; without pngquant it stays larger.
  spawnSync('pngquant', ['--force', '--skip-if-larger', '--output', PICTURE, PICTURE])
} finally {
  await browser.close()
  await server.close()
  await cache.dispose()
}

/** Varies the reads while memcached fills, with one poll of the page for each step. */
async function passTime(page: Page): Promise<void> {
  for (let step = 0; step < 150; step++) {
    if (step % 2 === 0) await store.put(bytes(step, 3 * MB), { name: `build/${step}` })
    const busy = Math.round(12 + 9 * Math.sin(step / 9) + (step % 7))
    for (let read = 0; read < busy; read++) {
      const older = step - (step % 2) - 2 * read
      await store.get(`build/${read % 8 === 7 ? 'missed' : Math.max(0, older)}`).catch(() => {})
    }
    const polled = page.waitForResponse('**/fleet')
    await page.clock.runFor(POLL_MS)
    await polled
  }
}

async function upload(page: Page): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-picture-'))
  try {
    for (const [index, [name, size]] of Object.entries(FILES).entries()) {
      const path = join(folder, name)
      await writeFile(path, bytes(name, size))
      await dropFiles(page, '#drop', [path])
      await page.locator('#uploads li[data-state=done]').nth(index).waitFor()
    }
  } finally {
    await rm(folder, { recursive: true })
  }
  return Object.keys(FILES).at(-1)!
}

async function damage(name: string): Promise<void> {
  const { chunks } = await store.verify(name)
  for (const index of [33, 34, 35, 36, 37, 38, 61]) {
    await cache.raw.delete(`c:${chunks[index]!.hash}`)
  }
  for (const index of [14, 77])
    await cache.raw.set(`c:${chunks[index]!.hash}`, Buffer.from('wrong'))
}
