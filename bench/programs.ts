import { execFileSync } from 'node:child_process'

/** Installs missing programs. Debian names the package of each like the program. */
export function ensurePrograms(programs: readonly string[]): void {
  const missing = programs.filter((program) => !isInstalled(program))
  if (missing.length === 0) return
  const install = ['install', '-y', '--no-install-recommends', ...missing]
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  const apt = (args: readonly string[]) => {
    const [command, ...rest] = [...asRoot, 'apt-get', ...args]
    execFileSync(command!, rest, { stdio: ['ignore', 2, 2] })
  }
  try {
    apt(['update', '-q'])
    apt(install)
  } catch {
    throw new Error(`the benchmarks need ${missing.join(', ')}: apt-get ${install.join(' ')}`)
  }
}

function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
