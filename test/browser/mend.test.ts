import type { Page } from 'playwright-core'
import { FileStore, memory } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { startTestServer } from '../helpers/server.ts'
import { violations } from './axe.ts'
import { openPage, test } from './open-page.ts'

const content = bytes('mend', 5000)
const file = (buffer: Buffer, name = 'from-disk') => ({ name, mimeType: '', buffer })

/** Presses “Upload it again” with the keyboard, and chooses a file. */
async function choose(page: Page, buffer: Buffer): Promise<void> {
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Upload it again' }).press('Enter')
  await (await chooser).setFiles(file(buffer))
}

for (const [by, colorScheme, width] of [
  ['name', 'light', 1280],
  ['hash', 'dark', 390],
] as const) {
  test(`a damaged file is mended from the page, with the right bytes only, by ${by}`, async (t) => {
    const engine = memory()
    const { url, store } = await startTestServer(t, { engine, store: { chunkSize: 1000 } })
    const attributes = { 'content-encoding': 'identity' }
    const named = { name: 'file', type: 'text/x-test', attributes, ttl: 5000 }
    const { hash } = await store.put(content, named)
    const { chunks } = await store.verify('file')
    await engine.set(`c:${chunks[2]!.hash}`, Buffer.from('wrong'))
    const path = by === 'name' ? '/#/files/file' : `/#/blobs/${hash}`
    const page = await openPage(t, url, { path, colorScheme, viewport: { width, height: 800 } })
    const pill = page.locator('.file .pill')
    await pill.getByText('Corrupt').waitFor()
    t.deepEqual(await violations(page), [])

    await choose(page, bytes('other', 5000))
    await page.locator('.file .hint').waitFor()
    await pill.getByText('Corrupt').waitFor()
    await t.throwsAsync((await store.get('file')).bytes())

    await choose(page, content)
    await pill.getByText('Intact').waitFor()
    await page.locator('.file .hint').getByText('Uploaded again.').waitFor()
    const mended = await store.get('file')
    t.deepEqual(await mended.bytes(), content)
    t.like(mended, { type: 'text/x-test', attributes, ttl: 5000 })
    t.is(await page.getByRole('button', { name: 'Upload it again' }).count(), 0)
    const focused = await page.evaluate(() => document.activeElement?.textContent)
    t.is(focused, 'Check again')
  })
}

test('other bytes under a name are told as such', async (t) => {
  const engine = memory()
  const { url, store } = await startTestServer(t, { engine, store: { chunkSize: 1000 } })
  await store.put(content, { name: 'file' })
  const { chunks } = await store.verify('file')
  await engine.delete(`c:${chunks[2]!.hash}`)
  const page = await openPage(t, url, { path: '/#/files/file' })
  await page.locator('.file .pill').getByText('Evicted').waitFor()
  await choose(page, bytes('other', 5000))
  await page
    .getByText('“from-disk” has other bytes than this file had. Nothing was changed.')
    .waitFor()
  t.pass()
})

test('the verdict follows an upload of the same name or content', async (t) => {
  const engine = memory()
  const { url, store } = await startTestServer(t, { engine, store: { chunkSize: 1000 } })
  await store.put(content, { name: 'file' })
  const page = await openPage(t, url, { path: '/#/files/file' })
  const pill = page.locator('.file .pill')
  await pill.getByText('Intact').waitFor()
  const lose = async () => {
    const { chunks } = await store.verify('file')
    await engine.delete(`c:${chunks[1]!.hash}`)
    await page.getByRole('button', { name: 'Check again' }).click()
    await pill.getByText('Evicted').waitFor()
  }
  await lose()
  await page.setInputFiles('#files', file(content, 'other-name'))
  await pill.getByText('Intact').waitFor()
  await lose()
  await page.setInputFiles('#files', file(bytes('new', 3000), 'file'))
  await pill.getByText('Intact').waitFor()
  await page.locator('.file .explain').getByText('3 chunks read and checked').waitFor()
  t.pass()
})

test('an empty page says what to try, with a command that works', async (t) => {
  const { url } = await startTestServer(t)
  const page = await openPage(t, url, { permissions: ['clipboard-read', 'clipboard-write'] })
  t.deepEqual(await violations(page), [])
  await page.getByRole('button', { name: 'Copy the command' }).click()
  await page.getByText('Copy the command: copied').waitFor({ state: 'attached' })
  const command = await page.evaluate(() => navigator.clipboard.readText())
  t.is(command, `curl -f -T report.pdf '${url}/files/report.pdf'`)
  await page.getByLabel('Name, hash').fill('file')
  await page.getByLabel('Name, hash').press('Enter')
  await page.getByText('No file is called “file”').waitFor()
  t.is(await page.getByText('Try one of these').count(), 0)
})

test('on a phone there is no empty chart', async (t) => {
  const { url, store } = await startTestServer(t)
  const page = await openPage(t, url, { viewport: { width: 390, height: 800 } })
  await page.locator('.server .pill').getByText('Connected').waitFor()
  t.is(await page.locator('.chart:visible').count(), 0)
  await store.put('x', { name: 'x' })
  const look = async () => {
    for (let i = 0; i < 3; i++) await store.get('x')
    return (await page.locator('.chart:visible').count()) > 0
  }
  const charts = page.locator('.chart:visible').first()
  while (!(await look())) await page.waitForTimeout(300)
  await charts.waitFor()
  t.is(await page.locator('.chart:visible', { hasText: 'Evictions' }).count(), 0)
})

test('a file whose chunks have another size than those that are stored now is mended by name', async (t) => {
  const engine = memory()
  const { url, store } = await startTestServer(t, { engine, store: { chunkSize: 1000 } })
  const former = new FileStore(engine, { chunkSize: 900 })
  await former.put(content, { name: 'file' })
  const { chunks } = await store.verify('file')
  await engine.delete(`c:${chunks[2]!.hash}`)
  const page = await openPage(t, url, { path: '/#/files/file' })
  await page.locator('.file .pill').getByText('Evicted').waitFor()
  await choose(page, content)
  await page.locator('.file .pill').getByText('Intact').waitFor()
  t.deepEqual(await (await store.get('file')).bytes(), content)
})
