import { spawnSync } from 'node:child_process'

export const works = (command, ...args) =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0

/** Installs Debian packages where that is allowed. Reports no failure: try the programs afterwards. */
export function aptInstall(...packages) {
  if (!works('apt-get', '--version')) return
  const isRoot = process.getuid?.() === 0
  if (!isRoot && !works('sudo', '-n', 'true')) return
  console.error(`Installing ${packages.join(', ')}, which the tests need …`)
  const apt = (...args) => {
    const command = ['apt-get', ...args]
    if (!isRoot) command.unshift('sudo', '-n')
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    spawnSync(command[0], command.slice(1), { stdio: ['ignore', 2, 2], env })
  }
  apt('update')
  apt('install', '-y', '--no-install-recommends', ...packages)
}
