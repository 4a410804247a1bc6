// Runs before the tests, which need memcached on PATH.
import { aptInstall, works } from './apt-install.js'

if (!works('memcached', '-V')) aptInstall('memcached', 'faketime')
if (!works('memcached', '-V')) {
  console.error(`The tests run against a real memcached, and there is none on PATH. Install it:
  Debian, Ubuntu   sudo apt-get install memcached
  Fedora           sudo dnf install memcached
  Alpine           apk add memcached
  macOS            brew install memcached`)
  process.exit(1)
}
