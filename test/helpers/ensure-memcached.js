// Run before the tests: they need a real memcached, on PATH.
import { spawnSync } from 'node:child_process'

const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0

function install() {
  if (!works('apt-get', '--version')) return
  const isRoot = process.getuid?.() === 0
  if (!isRoot && !works('sudo', '-n', 'true')) return
  console.error('Installing memcached, which the tests need …')
  const apt = (...args) => {
    const command = ['apt-get', ...args]
    if (!isRoot) command.unshift('sudo', '-n')
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    spawnSync(command[0], command.slice(1), { stdio: ['ignore', 2, 2], env })
  }
  apt('update')
  apt('install', '-y', '--no-install-recommends', 'memcached')
}

if (!works('memcached', '-V')) install()
if (!works('memcached', '-V')) {
  console.error(`The tests run against a real memcached, and there is none on PATH. Install it:
  Debian, Ubuntu   sudo apt-get install memcached
  Fedora           sudo dnf install memcached
  Alpine           apk add memcached
  macOS            brew install memcached`)
  process.exit(1)
}
