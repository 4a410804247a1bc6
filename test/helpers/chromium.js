import { existsSync } from 'node:fs'

/** The browser that the tests drive: `CHROMIUM`, or where Debian puts it. */
export const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium'

export const hasChromium = () => existsSync(chromiumPath)
