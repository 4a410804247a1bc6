import { spawnSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import pixelmatch from 'pixelmatch'
import type { Page } from 'playwright-core'
import { PNG } from 'pngjs'

const STORED = fileURLToPath(new URL('../../fixtures/page/', import.meta.url))
/** Ignored by git. */
const DIFFERENT = `${STORED}different/`
const LOOKS = [
  { width: 1280, colorScheme: 'light' },
  { width: 1280, colorScheme: 'dark' },
  { width: 390, colorScheme: 'light' },
  { width: 390, colorScheme: 'dark' },
] as const
const HEIGHT = 800

/**
 * The next Chromium may draw edges a little differently: how much a pixel may differ, and how many may in any square of
 * twelve a side. Another colour profile makes none differ that much, a gap in the page that is 5 pixels smaller 20.
 */
const TOLERANCE = { threshold: 0.1, windowSize: 12 }
const MOST_DIFFERENT = 15

/**
 * Compares how the page looks, light and dark, on a screen and on a phone, with the stored pictures. With
 * `UPDATE_PICTURES=1` it stores them.
 * @param name Of the state of the page.
 * @param isDialog Whether only what is on the screen counts, as for a dialog.
 */
export async function looksAsStored(
  t: ExecutionContext,
  page: Page,
  name: string,
  { isDialog = false } = {},
): Promise<void> {
  await settle(page)
  for (const { width, colorScheme } of LOOKS) {
    await page.setViewportSize({ width, height: HEIGHT })
    await page.emulateMedia({ colorScheme })
    await page.evaluate(() => scrollTo(0, 0))
    await compare(t, page, `${name}-${width}-${colorScheme}.png`, !isDialog)
  }
}

/** Replaces what differs from run to run, and sets the fonts. */
async function settle(page: Page): Promise<void> {
  await page.mouse.move(0, 0)
  await page.evaluate(() => {
    const fonts = new CSSStyleSheet()
    fonts.replaceSync(':root { font-family: "DejaVu Sans"; --mono: "DejaVu Sans Mono" }')
    document.adoptedStyleSheets = [fonts]
    const active = document.activeElement as HTMLElement | null
    active?.blur()
    for (const time of document.querySelectorAll('time')) time.textContent = '1/1/2026, 12:00:00 AM'
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
      text.nodeValue = text.nodeValue!.replaceAll(location.host, 'cache.example')
    }
  })
}

/** Returns the first picture that is right, or that is the same as the one before it: what is drawn late is drawn by then. */
async function takePicture(
  page: Page,
  fullPage: boolean,
  isRight: (picture: PNG) => boolean,
): Promise<PNG> {
  let last: Buffer | undefined
  for (let tries = 0; tries < 20; tries++) {
    const next = await page.screenshot({ fullPage, animations: 'disabled', caret: 'hide' })
    const picture = reduce(next)
    if (last?.equals(next) || isRight(picture)) return picture
    last = next
  }
  throw new Error('the page does not stop changing')
}

/** Halves a picture: the mean of each four pixels, so that edges which are drawn in another way differ less. */
function reduce(picture: Buffer): PNG {
  const { width, height, data } = PNG.sync.read(picture)
  const half = new PNG({ width: width >> 1, height: height >> 1 })
  for (let y = 0; y < half.height; y++) {
    for (let x = 0; x < half.width; x++) {
      const to = 4 * (y * half.width + x)
      for (let part = 0; part < 4; part++) {
        const from = 4 * (2 * y * width + 2 * x) + part
        const [right, below] = [from + 4, from + 4 * width]
        const sum = data[from]! + data[right]! + data[below]! + data[below + 4]!
        half.data[to + part] = sum >> 2
      }
    }
  }
  return half
}

async function compare(
  t: ExecutionContext,
  page: Page,
  file: string,
  fullPage: boolean,
): Promise<void> {
  if (process.env.UPDATE_PICTURES) {
    await store(await takePicture(page, fullPage, () => false), STORED + file)
    t.pass()
    return
  }
  const stored = PNG.sync.read(await readFile(STORED + file))
  let difference: PNG | undefined
  const isRight = (picture: PNG) => {
    difference = differenceOf(stored, picture)
    return difference === undefined
  }
  const picture = await takePicture(page, fullPage, isRight)
  if (difference === undefined) {
    t.pass()
    return
  }
  await mkdir(DIFFERENT, { recursive: true })
  await writeFile(DIFFERENT + file, PNG.sync.write(picture))
  const shown = `${DIFFERENT}${file.replace('.png', '-difference.png')}`
  await writeFile(shown, PNG.sync.write(difference))
  t.fail(
    `${DIFFERENT}${file} is not what fixtures/page has: ${shown}. CONTRIBUTING.md says what to do.`,
  )
}

/** Returns a picture of what differs; `undefined` if that is too little to matter. */
function differenceOf(stored: PNG, picture: PNG): PNG | undefined {
  const width = Math.max(picture.width, stored.width)
  const height = Math.max(picture.height, stored.height)
  const [now, before] = [picture, stored].map((each) => onCanvas(each, width, height).data)
  const difference = new PNG({ width, height })
  const most = pixelmatch(before!, now!, difference.data, width, height, TOLERANCE)
  return most > MOST_DIFFERENT ? difference : undefined
}

/** Writes a picture with a palette, a third of the bytes. */
async function store(picture: PNG, path: string): Promise<void> {
  await mkdir(STORED, { recursive: true })
  await writeFile(path, PNG.sync.write(picture))
  const options = ['--force', '--nofs', '--strip', '--output', path, path]
  const { status } = spawnSync('pngquant', options, { stdio: 'inherit' })
  if (status !== 0) throw new Error('pictures are stored with Debian’s pngquant: install it')
}

function onCanvas(picture: PNG, width: number, height: number): PNG {
  const canvas = new PNG({ width, height })
  PNG.bitblt(picture, canvas, 0, 0, picture.width, picture.height)
  return canvas
}
