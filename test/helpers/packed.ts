import { execFile } from 'node:child_process'
import { chmod, mkdir, readFile, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Runs `npm pack` into `folder`; returns the tarball and the files in it. */
export async function pack(folder: string): Promise<{ tarball: string; files: string[] }> {
  // `npm test` has built it; a build now would delete `dist` while other tests run it.
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]
  const { stdout } = await run('npm', args, { cwd: ROOT })
  const tarball = join(folder, stdout.trim().split('\n').at(-1)!)
  const list = await run('tar', ['-tzf', tarball])
  const files = list.stdout
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''))
  return { tarball, files }
}

/** Installs the packed package into `project`, with only its declared dependencies, as npm does. */
export async function installPacked(project: string): Promise<void> {
  const { tarball } = await pack(project)
  const modules = join(project, 'node_modules')
  const own = join(modules, 'blobcached')
  await mkdir(own, { recursive: true })
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', own])
  const { bin, dependencies } = JSON.parse(await readFile(join(own, 'package.json'), 'utf8'))
  for (const target of Object.values<string>(bin)) await chmod(join(own, target), 0o755)
  for (const name of [...Object.keys(dependencies), '@types/node']) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  }
}
