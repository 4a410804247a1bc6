import type { ExecutionContext } from 'ava'
import { type ChunkHealth, MemcachedFleet } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { startTestServer } from '../helpers/server.ts'
import { violations } from './axe.ts'
import { openPage, test } from './open-page.ts'

const CHUNK = 100_000

async function startFleet(t: ExecutionContext, replicas: number) {
  const caches = await Promise.all(Array.from({ length: 3 }, () => startMemcached(t)))
  const engine = new MemcachedFleet(
    caches.map(({ address }) => address),
    { replicas },
  )
  return { caches, ...(await startTestServer(t, { engine, store: { chunkSize: CHUNK } })) }
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`one of three servers down with two copies is no alarm, and the page says what works (${colorScheme})`, async (t) => {
    const { url, store, caches } = await startFleet(t, 2)
    const content = bytes('copies', 1_000_000)
    await store.put(content, { name: 'file' })
    const viewport = { width: colorScheme === 'dark' ? 390 : 1280, height: 800 }
    const page = await openPage(t, url, { colorScheme, viewport })
    await page.locator('#fleet-sum').getByText('3 servers · 2 copies of each file').waitFor()
    t.true(await page.locator('#fleet-note').isHidden())

    await caches[0]!.stop('SIGKILL')
    await page
      .locator('#pulse[data-state=degraded]')
      .getByText('1 of 3 memcached servers down')
      .waitFor()
    await page.locator('#fleet-note').getByText('Every file can still be read').waitFor()
    await page.locator('.server .pill[data-state=degraded]').getByText('Down').waitFor()
    t.is(await page.locator('.pill[data-state=down]').count(), 0)
    t.deepEqual(await violations(page), [])
    t.true((await (await store.get('file')).bytes()).equals(content))

    await caches[1]!.stop('SIGKILL')
    await page
      .locator('#pulse[data-state=down]')
      .getByText('2 of 3 memcached servers down')
      .waitFor()
    await page.locator('#fleet-note').getByText('cannot be read until').waitFor()
    await Promise.all(caches.slice(0, 2).map((cache) => cache.start()))
    await page.locator('#pulse[data-state=up]').waitFor()
    t.true(await page.locator('#fleet-note').isHidden())
  })
}

test('one of three servers down with one copy is an alarm', async (t) => {
  const { url, caches } = await startFleet(t, 1)
  const page = await openPage(t, url)
  await caches[0]!.stop('SIGKILL')
  await page.locator('#pulse[data-state=down]').waitFor()
  await page.getByText('Files on that server cannot be read until it answers again').waitFor()
  t.pass()
})

test('the map of a file that is spread over servers is coloured by server', async (t) => {
  const { url, store, caches } = await startFleet(t, 2)
  await store.put('x', { name: 'small' })
  const firsts = new Map<number, number>()
  let chunks: ChunkHealth[] = []
  // Two stripes of 32 MiB: whether they share a server is up to the hashes and the ports.
  for (let seed = 0; firsts.size < 2 && seed < 30; seed++) {
    await store.put(bytes(seed, 40_000_000), { name: 'large' })
    chunks = (await store.verify('large')).chunks
    firsts.clear()
    for (const { servers } of chunks) firsts.set(servers![0]!, (firsts.get(servers![0]!) ?? 0) + 1)
  }

  const page = await openPage(t, url, { path: '/#/files/large' })
  await page.locator('.file .pill').getByText('Intact').waitFor()
  const choice = page.getByLabel('Colours show')
  const pixel = () =>
    page.locator('canvas').evaluate((canvas: HTMLCanvasElement) => {
      return [...canvas.getContext('2d')!.getImageData(4, 4, 1, 1).data]
    })
  const before = await pixel()
  await choice.selectOption('the server of the first copy')
  t.notDeepEqual(await pixel(), before)
  const legend = page.getByRole('list', { name: 'Servers' }).getByRole('listitem')
  const expected = [...firsts].sort(([a], [b]) => a - b)
  t.deepEqual(
    (await legend.allTextContents()).map((text) => text.trim()),
    expected.map(([server, count]) => `${caches[server]!.address} ${count}`),
  )
  t.deepEqual(await violations(page), [])
  const box = (await page.locator('canvas').boundingBox())!
  await page.mouse.move(box.x + 3, box.y + 3)
  const where = chunks[0]!.servers!.map((server) => caches[server]!.address).join(' and ')
  await page.getByText(new RegExp(`^Chunk 1: intact, .*, on ${where}$`)).waitFor()

  await page.getByLabel('Name, hash').fill('small')
  await page.getByLabel('Name, hash').press('Enter')
  await page.locator('.file h3', { hasText: 'small' }).waitFor()
  t.true(await choice.isHidden())
})

test('copies that are gone are written again from the page', async (t) => {
  const { url, store, caches } = await startFleet(t, 2)
  await store.put(bytes('repair', 500_000), { name: 'file' })
  const { chunks } = await store.verify('file')
  const page = await openPage(t, url, { path: '/#/files/file' })
  await page.locator('.file .pill').getByText('Intact').waitFor()
  const hint = page.locator('.file .hint')
  const { hash, servers } = chunks[2]!
  const holder = caches[servers![1]!]!
  await holder.raw.delete(`c:${hash}`)
  await page.getByRole('button', { name: 'Repair copies' }).click()
  await hint.getByText('1 copy written again.').waitFor()
  t.truthy(await holder.raw.get(`c:${hash}`))
  await page.getByRole('button', { name: 'Repair copies' }).click()
  await hint.getByText('Every copy is there.').waitFor()

  for (const { raw } of caches) await raw.delete(`c:${hash}`)
  await page.getByRole('button', { name: 'Repair copies' }).click()
  await hint.getByText('there is no right copy left of what is lost. Upload it again.').waitFor()
  await page.locator('.file .pill').getByText('Evicted').waitFor()
})
