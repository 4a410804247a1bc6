import { existsSync } from 'node:fs'

/** The path of the browser that the tests drive: `CHROMIUM`, or Debian's without a window, which starts in half the time. */
export const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell'

export const hasChromium = () => existsSync(chromiumPath)

/** Whether text looks as in the stored pictures of the page: Debian's fonts-dejavu-core is there. */
export const hasPictureFont = () =>
  existsSync('/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf')
