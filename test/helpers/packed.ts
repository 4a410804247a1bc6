import { execFile } from 'node:child_process'
import { chmod, mkdir, readFile, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What `npm pack` makes in `folder`, and what is in it. */
export async function pack(folder: string): Promise<{ tarball: string; files: string[] }> {
  // `npm test` has built it; building it again would take away what other tests run.
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

/**
 * Makes `project` one of its own with the packed package and nothing but what it says it depends
 * on, as an install would lay it out.
 */
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
