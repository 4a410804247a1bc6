import { createHash } from 'node:crypto'
import { memcached } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { startOrigin } from '../helpers/origin.ts'
import { startTestServer } from '../helpers/server.ts'
import { openPage, test } from './open-page.ts'

const CHUNK = 100_000
const chunkKey = (content: Buffer, index: number) => {
  const chunk = content.subarray(index * CHUNK, (index + 1) * CHUNK)
  return `c:${createHash('sha256').update(chunk).digest('hex')}`
}

test('a file is found by name, by hash and by link, and shown as it is', async (t) => {
  const { url, store } = await startTestServer(t, { store: { chunkSize: CHUNK } })
  const { hash } = await store.put(bytes('found', 1_050_000), {
    name: 'folder/a b.bin',
    type: 'application/x-test',
  })
  const page = await openPage(t, url)
  const query = page.getByLabel('Name, hash or link of a file')
  const pill = page.locator('.file .pill')
  for (const text of [
    'folder/a b.bin',
    hash,
    hash.toUpperCase(),
    `${url}/files/folder/a%20b.bin`,
  ]) {
    await query.fill(text)
    await query.press('Enter')
    await pill.getByText('Intact').waitFor()
    t.regex((await page.locator('.file').textContent()) ?? '', new RegExp(hash))
  }
  await page.getByText('11 chunks read and checked').waitFor()
  await page.getByText('application/x-test').waitFor()
  await page.getByText('(1,050,000 bytes)').waitFor()
  const map = page.getByRole('img', { name: 'Map of 11 chunks: 11 intact, 0 evicted, 0 corrupt' })
  await map.waitFor()
  await page.goBack()
  await page.locator('.file h3', { hasText: hash }).waitFor()
})

test('a file that came from the origin says so', async (t) => {
  const double = await startOrigin(t)
  double.file('f', 'content')
  const { url } = await startTestServer(t, { origin: { url: double.url } })
  await fetch(`${url}/files/f`)
  const page = await openPage(t, url, { path: '/#/files/f' })
  const line = page.getByText('the origin, asked at')
  await line.waitFor()
  t.true(await line.isVisible())
})

test('a name nobody stored is told as such, in words of its own', async (t) => {
  const { url } = await startTestServer(t)
  const page = await openPage(t, url, { path: '/#/files/nothing/here' })
  await page.getByText('No file is called “nothing/here”').waitFor()
  t.is(await page.getByLabel('Name, hash').inputValue(), 'nothing/here')
})

test('a name with segments that addresses swallow is found all the same', async (t) => {
  const { url, store } = await startTestServer(t)
  await store.put('wrong', { name: 'c' })
  await store.put('right', { name: 'a/../b/./../c' })
  const page = await openPage(t, url)
  await page.getByLabel('Name, hash').fill('a/../b/./../c')
  await page.getByLabel('Name, hash').press('Enter')
  await page.locator('pre', { hasText: 'right' }).waitFor()
  t.is(await page.locator('.file h3').textContent(), 'a/../b/./../c')
})

test('evicted and corrupt chunks are shown where they are, and heal', async (t) => {
  const server = await startMemcached(t)
  const { url, store } = await startTestServer(t, {
    engine: memcached(server.address),
    store: { chunkSize: CHUNK },
  })
  const content = bytes('damaged', 2_000_000)
  await store.put(content, { name: 'file' })
  const page = await openPage(t, url, { path: '/#/files/file' })
  const pill = page.locator('.file .pill')
  await pill.getByText('Intact').waitFor()
  const recheck = page.getByRole('button', { name: 'Check again' })

  await server.raw.delete(chunkKey(content, 3))
  await server.raw.delete(chunkKey(content, 4))
  await recheck.click()
  await pill.getByText('Evicted').waitFor()
  await page.getByRole('img', { name: '18 intact, 2 evicted, 0 corrupt' }).waitFor()
  await page.getByText('2 of 20 chunks are gone').first().waitFor()
  t.is(await page.getByRole('button', { name: 'Download' }).count(), 0)

  await server.raw.set(chunkKey(content, 7), Buffer.alloc(CHUNK))
  await recheck.click()
  await pill.getByText('Corrupt').waitFor()
  await page.getByText('The chunks as a list').click()
  const runs = await page.locator('.map tbody tr').allInnerTexts()
  t.deepEqual(
    runs.map((run) => run.split('\t').slice(0, 2).join(': ')),
    ['1 – 3: intact', '4 – 5: evicted', '6 – 7: intact', '8: corrupt', '9 – 20: intact'],
  )

  await store.put(content, { name: 'file' })
  await recheck.click()
  await pill.getByText('Intact').waitFor()
  t.true(await recheck.evaluate((button) => button === document.activeElement))
})

test('a damaged record is told as damage, not as absence', async (t) => {
  const server = await startMemcached(t)
  const { url, store } = await startTestServer(t, { engine: memcached(server.address) })
  await store.put('text', { name: 'file' })
  for (const key of await server.raw.keys()) {
    if (!key.startsWith('c:')) await server.raw.set(key, Buffer.from('not a record'))
  }
  const page = await openPage(t, url, { path: '/#/files/file' })
  await page.locator('.file .pill').getByText('Corrupt').waitFor()
  await page.getByText('The record that leads to it is damaged').first().waitFor()
  t.true(await page.locator('.map').isHidden())
})

test('a memcached that is down is told as an outage', async (t) => {
  const server = await startMemcached(t)
  const { url, store } = await startTestServer(t, {
    engine: memcached(server.address, { timeoutMs: 500 }),
  })
  await store.put('text', { name: 'file' })
  const page = await openPage(t, url)
  await page.locator('.server .pill').getByText('Connected').waitFor()
  await server.stop('SIGKILL')
  await page.locator('.server .pill').getByText('Down').waitFor()
  await page.getByLabel('Name, hash').fill('file')
  await page.getByRole('button', { name: 'Look up' }).click()
  await page.locator('#found').getByText('Try again later').waitFor()
  await server.start()
  await page.locator('.server .pill').getByText('Connected').waitFor()
  t.pass()
})

test('a file is deleted only once that is confirmed', async (t) => {
  const { url, store } = await startTestServer(t)
  const { hash } = await store.put('text', { name: 'file' })
  const page = await openPage(t, url, { path: '/#/files/file' })
  const dialog = page.getByRole('dialog', { name: 'Delete this file?' })
  await page.getByRole('button', { name: 'Delete…' }).click()
  await dialog.getByRole('button', { name: 'Keep it' }).click()
  t.true(await store.isReadable('file'))
  await page.getByRole('button', { name: 'Delete…' }).click()
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await page.getByText('Deleted “file”.').waitFor()
  t.false(await store.isReadable('file'))
  t.true(await store.isReadable({ hash }))
})

test('thousands of chunks are drawn at once, several to a square', async (t) => {
  const { url, store } = await startTestServer(t, { store: { chunkSize: 100 } })
  await store.put(bytes('many', 2_000_000), { name: 'many' })
  const page = await openPage(t, url, { path: '/#/files/many' })
  await page.getByRole('img', { name: 'Map of 20,000 chunks' }).waitFor()
  await page.getByText(/One square for \d+ chunks, showing the worst of them/).waitFor()
  const box = await page.locator('canvas').boundingBox()
  t.true(box!.height < 450)
  await page.mouse.move(box!.x + 3, box!.y + 3)
  await page.getByText(/^Chunks 1 to \d+: intact/).waitFor()
})
