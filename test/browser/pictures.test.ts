import ava from 'ava'
import type { Page, Route } from 'playwright-core'
import type { HealthJson } from '../../src/api/chunks.ts'
import type { FleetJson, ServerJson } from '../../src/api/fleet.ts'
import { memory } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { hasPictureFont } from '../helpers/chromium.js'
import { startTestServer } from '../helpers/server.ts'
import { until } from '../helpers/watchdog.ts'
import { openPage, test } from './open-page.ts'
import { looksAsStored } from './picture.ts'

const GiB = 1024 ** 3
/** With ten of these between polls, the charts are full. */
const STEP_MS = 30_000
const MAX_FILE_SIZE = 120_000

/** Runs a test where text looks as in the stored pictures; test/helpers/ensure-chromium.js says where not. */
const pictured: typeof test = (title, run) => {
  if (hasPictureFont()) test(title, run)
  else ava.skip(title, run)
}

/** The figures of a memcached when it is asked for the `poll`th time. */
function server(index: number, poll: number): ServerJson {
  return {
    server: `cache-${index + 1}:11211`,
    up: true,
    version: '1.6.18',
    protocol: 'binary',
    items: 12_000 + poll,
    bytes: GiB * (0.4 + 0.1 * index),
    limitBytes: GiB,
    evictions: 400 * poll * poll,
    hits: 20_000 * poll + 5000 * (poll % 2),
    misses: 3000 * poll,
    connections: 4,
    uptimeSeconds: 86_400,
    latencySeconds: 0.0004,
  }
}

const downServer = (index: number): ServerJson => ({
  server: `cache-${index + 1}:11211`,
  up: false,
  error: 'connect ECONNREFUSED',
})

/** Answers the page's questions about memcached with figures, and stops its clock. */
function withFleet(servers: (poll: number) => ServerJson[], copies = 1) {
  return async (page: Page) => {
    await page.clock.install({ time: 0 })
    await page.clock.pauseAt(1000)
    let poll = 0
    await page.route('**/fleet', async (route: Route) => {
      const memory = { used: 0, total: 1, waiting: 0 }
      const report: FleetJson = {
        at: new Date(0).toISOString(),
        servers: servers(poll++),
        copies,
        memory,
        chunkSize: 1000,
        maxFileSize: MAX_FILE_SIZE,
      }
      await route.fulfill({ json: report })
    })
  }
}

/** Lets the page ask until its charts are full. */
async function passTime(page: Page): Promise<void> {
  for (let poll = 1; poll < 12; poll++) {
    await page.clock.fastForward(STEP_MS)
    await page
      .getByText(`12,0${String(poll).padStart(2, '0')} items`)
      .first()
      .waitFor()
  }
}

/** Waits until a look-up can tell when the file was stored: the server does not within the same second. */
async function isDated(url: string, name: string): Promise<void> {
  const init = { method: 'HEAD', headers: { 'If-None-Match': '*' } }
  const hasDate = async () =>
    (await fetch(`${url}/files/${name}`, init)).headers.has('Last-Modified')
  await until('the date of the file', hasDate, 50)
}

pictured('an empty page looks as it did', async (t) => {
  const { url } = await startTestServer(t)
  const embedded = { server: 'memory', up: true, items: 0, bytes: 0, limitBytes: GiB / 4 }
  const page = await openPage(t, url, { prepare: withFleet(() => [embedded]) })
  await page.locator('.server').waitFor()
  await looksAsStored(t, page, 'empty')
})

pictured('uploads and an intact file look as they did', async (t) => {
  const { url } = await startTestServer(t, { store: { chunkSize: 1000 } })
  const page = await openPage(t, url, { prepare: withFleet((poll) => [server(0, poll)]) })
  for (const [index, [name, buffer]] of [
    ['build/report.txt', Buffer.from('A small file with two lines,\nshown below.\n')],
    ['disk-image.qcow2', bytes('picture', MAX_FILE_SIZE)],
  ].entries()) {
    await page.setInputFiles('#files', {
      name: name as string,
      mimeType: '',
      buffer: buffer as Buffer,
    })
    await page.locator('#uploads li[data-state=done]').nth(index).waitFor()
  }
  await page.setInputFiles('#files', {
    name: 'too-large.iso',
    mimeType: '',
    buffer: bytes(2, MAX_FILE_SIZE + 1),
  })
  await page.getByText('2 done · 1 not uploaded').waitFor()
  await isDated(url, 'disk-image.qcow2')
  await page.getByRole('link', { name: 'Look up' }).first().click()
  await page.locator('.file .pill').getByText('Intact').waitFor()
  await passTime(page)
  await looksAsStored(t, page, 'intact')
})

pictured('a damaged file and a degraded fleet look as they did', async (t) => {
  const engine = memory()
  const { url, store } = await startTestServer(t, { engine, store: { chunkSize: 1000 } })
  await store.put(bytes('picture', MAX_FILE_SIZE), {
    name: 'disk-image.qcow2',
    type: 'text/x-test',
  })
  const { chunks } = await store.verify('disk-image.qcow2')
  for (const index of [33, 34, 35, 61]) await engine.delete(`c:${chunks[index]!.hash}`)
  for (const index of [14, 77]) await engine.set(`c:${chunks[index]!.hash}`, Buffer.from('wrong'))
  await isDated(url, 'disk-image.qcow2')
  const servers = (poll: number) => [server(0, poll), downServer(1), server(2, poll)]
  const page = await openPage(t, url, {
    path: '/#/files/disk-image.qcow2',
    prepare: withFleet(servers, 2),
  })
  await page.locator('.file .pill').getByText('Corrupt').waitFor()
  await page.getByText('The chunks as a list').click()
  await passTime(page)
  await looksAsStored(t, page, 'damaged')
  await page.getByRole('button', { name: 'Delete…' }).click()
  await page.getByRole('dialog').waitFor()
  await looksAsStored(t, page, 'delete', { isDialog: true })
})

pictured('a file that is spread over servers looks as it did', async (t) => {
  const { url, store } = await startTestServer(t, { store: { chunkSize: 1000 } })
  await store.put(bytes('picture', MAX_FILE_SIZE), { name: 'disk-image.qcow2' })
  await isDated(url, 'disk-image.qcow2')
  const page = await openPage(t, url, {
    path: '/',
    prepare: async (page) => {
      await withFleet((poll) => [0, 1, 2].map((index) => server(index, poll)), 2)(page)
      // Where chunks lie depends on the ports of real servers.
      await page.route('**/*health*', async (route) => {
        const response = await route.fetch()
        const health: HealthJson = await response.json()
        health.chunks.forEach((chunk, index) => {
          chunk.servers = [Math.floor(index / 32) % 3, 0]
        })
        await route.fulfill({ response, json: health })
      })
    },
  })
  await passTime(page)
  await page.getByLabel('Name, hash').fill('disk-image.qcow2')
  await page.getByLabel('Name, hash').press('Enter')
  await page.locator('.file .pill').getByText('Intact').waitFor()
  await page.getByLabel('Colours show').selectOption('the server of the first copy')
  await looksAsStored(t, page, 'spread')
})

pictured('a file that is not there and memcached that is down look as they did', async (t) => {
  const { url } = await startTestServer(t)
  const page = await openPage(t, url, {
    path: '/#/files/report.pdf',
    prepare: withFleet(() => [downServer(0)]),
  })
  await page.getByText('No file is called “report.pdf”').waitFor()
  await page.locator('#pulse').getByText('Memcached is down').waitFor()
  await looksAsStored(t, page, 'down')
})

pictured('the question for a token looks as it did', async (t) => {
  const { url } = await startTestServer(t, { access: { tokens: ['a-token-that-may-write'] } })
  const page = await openPage(t, url)
  await page.getByRole('dialog').waitFor()
  await looksAsStored(t, page, 'token', { isDialog: true })
})
