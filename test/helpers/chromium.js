import { existsSync } from 'node:fs'

/** The path of the browser that the tests drive: `CHROMIUM`, or Debian's. */
export const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium'

export const hasChromium = () => existsSync(chromiumPath)
