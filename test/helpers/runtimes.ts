import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/runtimes', import.meta.url))
const PLATFORM = `${process.platform}-${process.arch}`

/** Installs these versions of Node.js with npm, beside the project's packages; returns their paths. */
export async function installNodes(versions: readonly string[]): Promise<string[]> {
  const specs = versions.map((version) => `node-${version}@npm:node-${PLATFORM}@${version}`)
  const modules = await install('node', specs)
  return versions.map((version) => join(modules, `node-${version}`, 'bin/node'))
}

/** Installs Bun in the same way; returns its path. */
export async function installBun(): Promise<string> {
  return join(await install('bun', [`bun@npm:@oven/bun-${PLATFORM}@1`]), 'bun/bin/bun')
}

async function install(name: string, specs: readonly string[]): Promise<string> {
  const folder = join(CACHE, name)
  await mkdir(folder, { recursive: true })
  const args = ['install', '--prefix', folder, '--no-save', '--no-package-lock', '--silent']
  await run('npm', [...args, ...specs])
  return join(folder, 'node_modules')
}
