// Runs before the tests, which need memcached on PATH; some of them need twemproxy and faketime.
import { aptInstall, works } from './apt-install.js'

const PACKAGES = { memcached: '-V', nutcracker: '-V', faketime: '--version' }
const missing = Object.keys(PACKAGES).filter((program) => !works(program, PACKAGES[program]))
if (missing.length > 0) aptInstall(...missing)
if (!works('memcached', '-V')) {
  console.error(`The tests run against a real memcached, and there is none on PATH. Install it:
  Debian, Ubuntu   sudo apt-get install memcached
  Fedora           sudo dnf install memcached
  Alpine           apk add memcached
  macOS            brew install memcached`)
  process.exit(1)
}
