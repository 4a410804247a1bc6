import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { bytes } from '../helpers/bytes.ts'
import { startTestServer } from '../helpers/server.ts'
import { openPage, test } from './open-page.ts'

const TOKEN = 'a-token-that-may-write'
const READ_TOKEN = 'a-token-that-may-read'
const access = { tokens: [TOKEN], readTokens: [READ_TOKEN] }

const dialogOf = (page: Page) => page.getByRole('dialog', { name: 'This server asks for a token' })

async function enter(page: Page, token: string, { remember = false } = {}): Promise<void> {
  const dialog = dialogOf(page)
  await dialog.getByLabel('Token', { exact: true }).fill(token)
  await dialog.getByLabel('Remember it').setChecked(remember)
  await dialog.getByRole('button', { name: 'Continue' }).click()
}

const stored = (page: Page) =>
  page.evaluate(() =>
    [sessionStorage, localStorage].map((each) => each.getItem('blobcached.token')),
  )

test('a wrong token is asked for again, a right one is kept as long as the tab', async (t) => {
  const { url } = await startTestServer(t, { access })
  const page = await openPage(t, url)
  await enter(page, 'a-wrong-token')
  await page.getByRole('alert').getByText('The server does not accept that token.').waitFor()
  await enter(page, TOKEN)
  await page.locator('.server .pill').getByText('Connected').waitFor()
  t.deepEqual(await stored(page), [TOKEN, null])
  await page.reload()
  await page.locator('.server .pill').getByText('Connected').waitFor()
  t.true(await dialogOf(page).isHidden())
  await page.getByRole('button', { name: 'Forget token' }).click()
  await dialogOf(page).waitFor()
  t.deepEqual(await stored(page), [null, null])
  await enter(page, TOKEN, { remember: true })
  await dialogOf(page).waitFor({ state: 'hidden' }) // The panel may still say what it said before.
  await page.waitForFunction(() => localStorage.length > 0)
  t.deepEqual(await stored(page), [null, TOKEN])
})

test('the dialog needs no scrolling, and a server without tokens shows none of this', async (t) => {
  const { url } = await startTestServer(t, { access })
  const page = await openPage(t, url)
  const overflow = await dialogOf(page).evaluate((dialog) => ({
    x: dialog.scrollWidth - dialog.clientWidth,
    y: dialog.scrollHeight - dialog.clientHeight,
  }))
  t.deepEqual(overflow, { x: 0, y: 0 })
  await dialogOf(page).getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('button', { name: 'Enter token' }).waitFor()

  const open = await openPage(t, (await startTestServer(t)).url)
  await open.locator('#pulse[data-state=up]').waitFor()
  t.true(await open.locator('#token-button').isHidden())
})

test('a user who gives no token is asked again only when a request needs one', async (t) => {
  const { url } = await startTestServer(t, { access })
  const page = await openPage(t, url)
  await dialogOf(page).getByRole('button', { name: 'Cancel' }).click()
  await page.locator('#pulse').getByText('A token is needed').waitFor()
  await page.waitForTimeout(6000)
  t.true(await dialogOf(page).isHidden())
  await page.getByLabel('Name, hash').fill('file')
  await page.getByLabel('Name, hash').press('Enter')
  await enter(page, TOKEN)
  await page.getByText('No file is called “file”').waitFor()
  await page.locator('.server .pill').getByText('Connected').waitFor()
})

test('with a token, uploads, look-ups, previews and downloads carry it', async (t) => {
  const { url, store } = await startTestServer(t, { access })
  const page = await openPage(t, url)
  await enter(page, TOKEN)
  const content = bytes('text', 3000).toString('hex')
  await page.setInputFiles('#files', {
    name: 'text.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from(content),
  })
  await page.getByRole('link', { name: 'Look up' }).click()
  await page.locator('pre', { hasText: content }).waitFor()
  const [saving] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download' }).click(),
  ])
  t.is(saving.suggestedFilename(), 'text.txt')
  t.is(await readFile(await saving.path(), 'utf8'), content)
  t.is((await store.get('text.txt')).size, content.length)
})

test('a token that may only read looks up, and is told why it may not upload', async (t) => {
  const { url, store } = await startTestServer(t, { access })
  await store.put('text', { name: 'file' })
  const page = await openPage(t, url, { path: '/#/files/file' })
  await enter(page, READ_TOKEN)
  await page.locator('.file .pill').getByText('Intact').waitFor()
  await page.setInputFiles('#files', { name: 'x', mimeType: '', buffer: Buffer.from('x') })
  await page.locator('#uploads').getByText('this token may read, not write').waitFor()
  t.false(await store.isReadable('x'))
})

test('with a token, a large file is streamed to disk, or curl is named', async (t) => {
  const { url, store } = await startTestServer(t, { access })
  const content = bytes('large', 70_000_000)
  await store.put(content, { name: 'large' })
  const page = await openPage(t, url, { path: '/#/files/large' })
  await enter(page, TOKEN)
  await page.evaluate(() => {
    // The picker itself is the browser's; what it hands out is the page's to fill.
    const got = { bytes: 0, closed: false }
    Object.assign(globalThis, {
      got,
      async showSaveFilePicker() {
        return {
          name: 'saved',
          async createWritable() {
            return new WritableStream<Uint8Array>({
              write(piece) {
                got.bytes += piece.length
              },
              close() {
                got.closed = true
              },
            })
          },
        }
      },
    })
  })
  const download = page.getByRole('button', { name: 'Download' })
  await download.click()
  await page.getByText('Saved as saved.').waitFor()
  const got = await page.evaluate(() => (globalThis as unknown as { got: unknown }).got)
  t.deepEqual(got, { bytes: content.length, closed: true })

  await page.evaluate(() => Object.assign(globalThis, { showSaveFilePicker: undefined }))
  await download.click()
  const line = `curl -f -H "Authorization: Bearer $BLOBCACHED_TOKEN" -o 'large' '${url}/files/large'`
  await page.getByText(line).waitFor()
})
