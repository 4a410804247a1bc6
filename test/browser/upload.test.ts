import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PNG } from 'pngjs'
import { bytes } from '../helpers/bytes.ts'
import { startTestServer } from '../helpers/server.ts'
import { watched } from '../helpers/watchdog.ts'
import { dropFiles } from './drop-files.ts'
import { openPage, test } from './open-page.ts'

/** `--accent` of the light theme. */
const ACCENT = [0x0b, 0x6b, 0x63]

test('files and folders that are dropped are uploaded, folders under their paths', async (t) => {
  const { url, store } = await startTestServer(t)
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-drop-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const contents: Record<string, Buffer> = {
    'one.bin': bytes(1, 1_500_000),
    'photos/2024/two.bin': bytes(2, 10),
    'photos/three.txt': Buffer.from('three'),
  }
  await mkdir(join(folder, 'photos/2024'), { recursive: true })
  for (const [name, content] of Object.entries(contents)) {
    await writeFile(join(folder, name), content)
  }
  const page = await openPage(t, url)
  await dropFiles(page, '#drop', [join(folder, 'one.bin'), join(folder, 'photos')])
  await page.locator('#uploads li[data-state=done]').nth(2).waitFor()
  for (const [name, content] of Object.entries(contents)) {
    const file = await store.get(name)
    t.deepEqual(await file.bytes(), content, name)
    t.is(await page.locator('#uploads .name').getByText(name, { exact: true }).count(), 1)
  }
  t.is(await page.locator('#queue-text').textContent(), '3 done')
})

test('an uploaded file has its hash, link and curl line to copy, and is remembered', async (t) => {
  const { url } = await startTestServer(t)
  const page = await openPage(t, url, { permissions: ['clipboard-read', 'clipboard-write'] })
  const name = `it's ünï/ code.txt`
  const buffer = Buffer.from('some text')
  const hash = createHash('sha256').update(buffer).digest('hex')
  await page.setInputFiles('#files', { name: 'x.txt', mimeType: 'text/plain', buffer })
  await page.locator('#uploads li[data-state=done]').waitFor()
  await page.getByText('Options').click()
  await page.getByLabel('Store under folder').fill(`it's ünï/`)
  await page.setInputFiles('#files', { name: ' code.txt', mimeType: 'text/plain', buffer })
  const row = page.locator('#uploads li[data-state=done]', { hasText: 'ünï' })
  await row.waitFor()
  const copied = async (button: string) => {
    await row.getByRole('button', { name: button }).click()
    await page.getByText(`${button}: copied`).waitFor({ state: 'attached' })
    return page.evaluate(() => navigator.clipboard.readText())
  }
  t.is(await copied('Copy hash'), hash)
  const link = `${url}/files/${name.split('/').map(encodeURIComponent).join('/')}`
  t.is(await copied('Copy link'), link)
  t.is(await (await fetch(link)).text(), 'some text')
  t.is(await copied('Copy curl'), `curl -f -o ' code.txt' '${link.replace("'", `'\\''`)}'`)

  await page.reload()
  t.deepEqual(await page.locator('#recent .name').allTextContents(), [name, 'x.txt'])
  await page.getByRole('button', { name: 'Clear' }).click()
  await page.getByText('is listed here, and only here').waitFor()
  t.is(await page.evaluate(() => localStorage.length), 0)
})

test('an upload shows how far it is, can be cancelled and tried again', async (t) => {
  const { url, store, http } = await startTestServer(t)
  const cancelled = new Promise<void>((resolve) => {
    http.on('request', ({ method }, res) => method === 'PUT' && res.once('close', resolve))
  })
  const page = await openPage(t, url)
  const network = await page.context().newCDPSession(page)
  const throttle = (uploadThroughput: number) =>
    network.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput,
    })
  await network.send('Network.enable')
  await throttle(400_000)
  const buffer = bytes('slow', 4_000_000)
  await page.setInputFiles('#files', { name: 'slow', mimeType: '', buffer })
  const row = page.locator('#uploads li')
  await row.getByText(/[1-9]\d % of 3.8 MiB · .*\/s · .* left/).waitFor()
  const value = Number(await row.getByRole('progressbar').getAttribute('value'))
  t.true(value >= 0 && value < 1)
  const bar = PNG.sync.read(await row.getByRole('progressbar').screenshot())
  const filled = 4 * (Math.floor(bar.height / 2) * bar.width + 8)
  t.deepEqual(
    [...bar.data.subarray(filled, filled + 3)],
    ACCENT,
    'the bar has the colour of the page',
  )
  await row.getByRole('button', { name: 'Cancel' }).click()
  await row.getByText('Canceled').waitFor()
  // The browser may still be sending what it was to cancel, and all of it when nothing holds it up.
  await watched('the server to see the end of it', cancelled)
  await t.throwsAsync(store.get('slow'), { code: 'not-found' })

  await throttle(-1)
  await row.getByRole('button', { name: 'Try again' }).click()
  const [again, link] = ['Try again', 'Copy link'].map((name) => row.getByRole('button', { name }))
  await again!.or(link!).waitFor()
  t.regex(await row.innerText(), /^Stored · 3.8 MiB, 8 chunks$/m)
  t.deepEqual(await (await store.get('slow')).bytes(), buffer)
})

test('an upload that the server refuses says why and leaves the others alone', async (t) => {
  const { url, store } = await startTestServer(t, { store: { maxFileSize: 1000 } })
  const page = await openPage(t, url)
  await page.locator('#pulse[data-state=up]').waitFor()
  await page.setInputFiles('#files', [
    { name: 'large', mimeType: '', buffer: bytes(1, 1001) },
    { name: 'right', mimeType: '', buffer: bytes(1, 1000) },
    { name: 'bad\u0001name', mimeType: '', buffer: bytes(1, 10) },
  ])
  await page.getByText('1 done · 2 not uploaded').waitFor()
  await page.locator('#uploads').getByText('Files here have at most 1.0 KiB.').waitFor()
  await page.locator('#uploads').getByText('must not hold control characters').waitFor()
  t.is((await store.get('right')).size, 1000)
})
