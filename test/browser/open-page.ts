import ava, { type ExecutionContext, type Implementation } from 'ava'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { chromiumPath, hasChromium } from '../helpers/chromium.js'

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

let browser: Promise<Browser> | undefined

/** A test that is skipped where there is no browser. One after the other: browsers are heavy. */
export const test = (title: string, run: Implementation<[]>): void => {
  if (hasChromium()) ava.serial(title, run)
  else ava.serial.skip(title, run)
}

ava.after.always(async () => (await browser)?.close())

export type OpenOptions = BrowserContextOptions & {
  path?: string
  /** What to do with the page before it is opened. */
  prepare?: (page: Page) => Promise<void>
}

/**
 * The page of the server at `url` with a profile of its own, closed when the test has ended. Whatever
 * the page asks of another host, logs as an error or fails to catch fails the test.
 */
export async function openPage(
  t: ExecutionContext,
  url: string,
  { path = '/', prepare, ...options }: OpenOptions = {},
): Promise<Page> {
  browser ??= chromium.launch({ executablePath: chromiumPath, args: QUIET })
  const context = await (await browser).newContext({ reducedMotion: 'reduce', ...options })
  const wrong: string[] = []
  t.teardown(async () => {
    await context.close()
    if (wrong.length > 0) throw new Error(wrong.join('\n'))
  })
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  page.on('pageerror', (error) => wrong.push(`uncaught: ${error}`))
  page.on('console', (message) => {
    // The browser logs every answer that is not 2xx, which tests provoke.
    const isAnswer = message.text().startsWith('Failed to load resource')
    if (message.type() === 'error' && !isAnswer) wrong.push(`logged: ${message.text()}`)
  })
  page.on('request', (request) => {
    if (/^https?:/.test(request.url()) && new URL(request.url()).origin !== new URL(url).origin) {
      wrong.push(`asked another host: ${request.url()}`)
    }
  })
  await prepare?.(page)
  await page.goto(url + path)
  // A page whose scripts do not run would let every wait of the test run out.
  await page
    .locator('#pulse:not([data-state=unknown])')
    .or(page.getByRole('dialog'))
    .first()
    .waitFor()
  return page
}
