import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './run.ts'

/** Where npm installs the tools, to be found there by the next run. */
const FOLDER = join(tmpdir(), 'blobcached-clients')

/** A tool that is there, or why it is not. */
export type Tool = { command: string; nodeModules?: string } | { reason: string }

/** A command that a Debian package brings; installs the package where that is allowed. */
export async function debianTool(command: string, aptPackage: string): Promise<Tool> {
  return obtain(command, async () => {
    const tool = { command }
    if (await works(tool)) return tool
    console.error(`Installing ${aptPackage} …`)
    const [apt, ...rest] = process.getuid?.() === 0 ? ['apt-get'] : ['sudo', '-n', 'apt-get']
    const env = { DEBIAN_FRONTEND: 'noninteractive' }
    await run(apt!, [...rest, 'update', '-q'], { env })
    await run(apt!, [...rest, 'install', '-y', '-q', '--no-install-recommends', aptPackage], {
      env,
    })
    return tool
  })
}

/** A command that an npm package brings, in a folder of its own. */
export async function npmTool(command: string, version: string): Promise<Tool> {
  return obtain(command, async () => {
    const folder = join(FOLDER, `${command}-${version}`)
    const nodeModules = join(folder, 'node_modules')
    const tool = { command: join(nodeModules, '.bin', command), nodeModules }
    if (await works(tool)) return tool
    console.error(`Installing ${command}@${version} …`)
    await mkdir(folder, { recursive: true })
    await run('npm', [
      'install',
      '--prefix',
      folder,
      '--no-audit',
      '--no-fund',
      `${command}@${version}`,
    ])
    return tool
  })
}

/** A tool that cannot be had says nothing about blobcached; that it was not tried has to be seen. */
async function obtain(
  name: string,
  install: () => Promise<Tool & { command: string }>,
): Promise<Tool> {
  try {
    const tool = await install()
    await run(tool.command, ['--version'])
    return tool
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0]!
    const line = '!'.repeat(80)
    console.error(`${line}\nNOT TESTED: ${name} cannot be had here: ${reason}\n${line}`)
    return { reason }
  }
}

function works({ command }: { command: string }): Promise<boolean> {
  return run(command, ['--version']).then(
    () => true,
    () => false,
  )
}
