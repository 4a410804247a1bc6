// Runs before the tests of the page, which need a browser.
import { aptInstall } from './apt-install.js'
import { chromiumPath, hasChromium, hasPictureFont } from './chromium.js'

const missing = [
  ...(hasChromium() || process.env.CHROMIUM ? [] : ['chromium-headless-shell']),
  ...(hasPictureFont() ? [] : ['fonts-dejavu-core']),
]
if (missing.length > 0) aptInstall(...missing)
if (!hasChromium()) {
  console.error(`SKIPPED: all tests of the page. There is no browser at ${chromiumPath}.
  Debian           sudo apt-get install chromium-headless-shell
  elsewhere        CHROMIUM=/path/to/chromium npm run test:browser`)
}
if (!hasPictureFont()) {
  console.error(
    `SKIPPED: the comparison of the page with its pictures. It needs the fonts of Debian's fonts-dejavu-core.`,
  )
}
