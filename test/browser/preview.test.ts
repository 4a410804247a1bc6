import { startTestServer } from '../helpers/server.ts'
import { openPage, test } from './open-page.ts'

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const SCRIPT = `document.documentElement.dataset.ran = 'yes'`

test('images are shown, by their type or by what the name says', async (t) => {
  const { url, store } = await startTestServer(t)
  await store.put(PIXEL, { name: 'typed', type: 'image/png' })
  await store.put(PIXEL, { name: 'named.png' })
  const page = await openPage(t, url)
  for (const name of ['typed', 'named.png']) {
    await page.getByLabel('Name, hash').fill(name)
    await page.getByLabel('Name, hash').press('Enter')
    await page.locator('.file h3', { hasText: name }).waitFor()
    const image = page.getByRole('img', { name: 'Preview of the file' })
    await image.waitFor()
    t.is(await image.evaluate((shown: HTMLImageElement) => shown.naturalWidth), 1)
  }
})

test('nothing of a stored page or drawing runs when it is looked at', async (t) => {
  const { url, store } = await startTestServer(t)
  const html = `<img src=x onerror="${SCRIPT}"><script>${SCRIPT}</script>`
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="${SCRIPT}"><script>${SCRIPT}</script></svg>`
  await store.put(html, { name: 'page.html', type: 'text/html' })
  await store.put(drawing, { name: 'drawing.svg', type: 'image/svg+xml' })
  const page = await openPage(t, url, { path: '/#/files/page.html' })
  await page.locator('pre', { hasText: '<script>' }).waitFor()
  t.is(await page.locator('pre').textContent(), html)
  await page.getByLabel('Name, hash').fill('drawing.svg')
  await page.getByLabel('Name, hash').press('Enter')
  await page.getByRole('img', { name: 'Preview of the file' }).waitFor()
  t.is(await page.evaluate(() => document.documentElement.dataset.ran), undefined)
  t.is(await page.locator('iframe, embed, object').count(), 0)
})

test('names and types full of markup stay text', async (t) => {
  const { url, store } = await startTestServer(t)
  const name = `<img src=x onerror="${SCRIPT}">`
  await store.put('text', { name, type: 'text/plain; x="<b>bold</b>"' })
  const page = await openPage(t, url)
  await page.getByLabel('Name, hash').fill(name)
  await page.getByLabel('Name, hash').press('Enter')
  await page.locator('.file pre', { hasText: 'text' }).waitFor()
  t.is(await page.locator('.file h3').textContent(), name)
  t.is(await page.locator('.file b', { hasText: 'bold' }).count(), 0)
  t.is(await page.evaluate(() => document.documentElement.dataset.ran), undefined)
})

test('of a long text the beginning is shown, of bytes nothing', async (t) => {
  const { url, store } = await startTestServer(t)
  await store.put('é'.repeat(100_000), { name: 'long.txt', type: 'text/plain' })
  await store.put(Buffer.alloc(5000), { name: 'zeros' })
  const page = await openPage(t, url, { path: '/#/files/long.txt' })
  await page.getByText('The first 64 KiB.').waitFor()
  t.is((await page.locator('pre').textContent())!.length, 32 * 1024)
  await page.getByLabel('Name, hash').fill('zeros')
  await page.getByLabel('Name, hash').press('Enter')
  await page.getByText('No preview: it is not text.').waitFor()
})
