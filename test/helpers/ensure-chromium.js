// Runs before the tests of the page, which need a browser.
import { aptInstall } from './apt-install.js'
import { chromiumPath, hasChromium } from './chromium.js'

if (!hasChromium() && !process.env.CHROMIUM) aptInstall('chromium', 'fonts-dejavu-core')
if (!hasChromium()) {
  console.error(`SKIPPED: all tests of the page. There is no browser at ${chromiumPath}.
  Debian           sudo apt-get install chromium
  elsewhere        CHROMIUM=/path/to/chromium npm run test:browser`)
}
