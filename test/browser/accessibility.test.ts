import { memory } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { startTestServer } from '../helpers/server.ts'
import { violations } from './axe.ts'
import { openPage, test } from './open-page.ts'

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing wrong in the ${colorScheme} page, whatever it shows`, async (t) => {
    const engine = memory()
    const { url, store } = await startTestServer(t, { engine, store: { chunkSize: 1000 } })
    const page = await openPage(t, url, { colorScheme })
    t.deepEqual(await violations(page), [])
    await page.setInputFiles('#files', [
      { name: 'a.txt', mimeType: 'text/plain', buffer: bytes(1, 30_000) },
      { name: 'bad\u0001', mimeType: '', buffer: bytes(2, 10) },
    ])
    await page.getByText('1 done · 1 not uploaded').waitFor()
    const { chunks } = await store.verify('a.txt')
    await engine.delete(`c:${chunks[2]!.hash}`)
    await engine.set(`c:${chunks[5]!.hash}`, Buffer.from('wrong'))
    await page.getByRole('link', { name: 'Look up' }).click()
    await page.locator('.file .pill').getByText('Corrupt').waitFor()
    await page.getByText('The chunks as a list').click()
    await page.locator('.server .pill').getByText('Connected').waitFor()
    t.deepEqual(await violations(page), [])
    await page.getByRole('button', { name: 'Delete…' }).click()
    await page.getByRole('dialog').waitFor()
    t.deepEqual(await violations(page), [])
  })
}

test('the page follows the dark scheme of the system', async (t) => {
  const { url } = await startTestServer(t)
  const page = await openPage(t, url, { colorScheme: 'light' })
  const brightness = () =>
    page.evaluate(() => Number(/\d+/.exec(getComputedStyle(document.body).backgroundColor)?.[0]))
  t.true((await brightness()) > 200)
  await page.emulateMedia({ colorScheme: 'dark' })
  t.true((await brightness()) < 50)
})

test('on a phone nothing is wider than the screen', async (t) => {
  const { url, store } = await startTestServer(t)
  await store.put(bytes(1, 3_000_000), { name: `a/${'very-long-name'.repeat(20)}` })
  const page = await openPage(t, url, {
    viewport: { width: 320, height: 640 },
    path: `/#/files/a/${'very-long-name'.repeat(20)}`,
  })
  await page.locator('.file .pill').getByText('Intact').waitFor()
  t.true(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
})

test('everything can be done from the keyboard', async (t) => {
  const { url, store } = await startTestServer(t)
  const page = await openPage(t, url)
  const chooser = page.waitForEvent('filechooser')
  const press = async (key: string, times = 1) => {
    for (let index = 0; index < times; index++) await page.keyboard.press(key)
  }
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim())
  await press('Tab')
  t.is(await focused(), 'Skip to content')
  await press('Enter')
  await press('Tab')
  t.is(await page.evaluate(() => document.activeElement?.id), 'files')
  await press('Enter')
  await (await chooser).setFiles({
    name: 'typed.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from('typed'),
  })
  await page.locator('#uploads li[data-state=done]').waitFor()
  await press('Tab', 3)
  t.is(await focused(), 'Look up')
  await press('Enter')
  await page.locator('.file .pill').getByText('Intact').waitFor()
  t.is(await focused(), 'typed.txt')
  const reach = async (text: string) => {
    for (let index = 0; index < 20 && (await focused()) !== text; index++) await press('Tab')
    t.is(await focused(), text)
  }
  await reach('Check again')
  await press('Enter')
  await page.getByText('Checked again. 1 chunk read and checked').waitFor({ state: 'attached' })
  t.is(await focused(), 'Check again')
  await reach('Delete…')
  await press('Enter')
  await page.getByRole('dialog').waitFor()
  t.is(await focused(), 'Keep it')
  await press('Escape')
  t.is(await focused(), 'Delete…')
  await press('Enter')
  await page.getByRole('dialog').waitFor()
  await press('Tab')
  await press('Enter')
  await page.getByText('Deleted “typed.txt”.').waitFor()
  t.is(await focused(), 'Deleted “typed.txt”.')
  t.false(await store.isReadable('typed.txt'))
})
