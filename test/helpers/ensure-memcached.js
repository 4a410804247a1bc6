// Run before the tests: they need a real memcached on PATH, and some of them twemproxy.
import { aptInstall, works } from './apt-install.js'

const missing = ['memcached', 'nutcracker'].filter((program) => !works(program, '-V'))
if (missing.length > 0) aptInstall(...missing)
if (!works('memcached', '-V')) {
  console.error(`The tests run against a real memcached, and there is none on PATH. Install it:
  Debian, Ubuntu   sudo apt-get install memcached
  Fedora           sudo dnf install memcached
  Alpine           apk add memcached
  macOS            brew install memcached`)
  process.exit(1)
}
