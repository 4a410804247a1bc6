import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './run.ts'

/** Where npm installs the tools, to be found there by the next run. */
const FOLDER = join(tmpdir(), 'blobcached-clients')

export interface FoundTool {
  readonly command: string
  /** The folder that it was installed to, for workspaces to link to. */
  readonly nodeModules?: string
  readonly isMissing?: never
}

/** A tool that is there, or could not be had. */
export type Tool = FoundTool | { readonly isMissing: true }

/** A command that Debian packages bring; installs them where that is allowed. */
export async function debianTool(command: string, ...packages: string[]): Promise<Tool> {
  return obtain(command, async () => {
    const tool = { command }
    if (await works(tool)) return tool
    console.error(`Installing ${packages.join(' ')} …`)
    const [apt, ...rest] = process.getuid?.() === 0 ? ['apt-get'] : ['sudo', '-n', 'apt-get']
    const env = { DEBIAN_FRONTEND: 'noninteractive' }
    await run(apt!, [...rest, 'update', '-q'], { env })
    await run(apt!, [...rest, 'install', '-y', '-q', '--no-install-recommends', ...packages], {
      env,
    })
    return tool
  })
}

/** A command that an npm package of that version brings, in a folder of its own. */
export async function npmTool(command: string, npmPackage: string): Promise<Tool> {
  return obtain(command, async () => {
    const folder = join(FOLDER, npmPackage.replaceAll('/', '-'))
    const nodeModules = join(folder, 'node_modules')
    const tool = { command: join(nodeModules, '.bin', command), nodeModules }
    if (await works(tool)) return tool
    console.error(`Installing ${npmPackage} …`)
    await mkdir(folder, { recursive: true })
    await run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', npmPackage])
    return tool
  })
}

/** A tool that cannot be had says nothing about blobcached; that it was not tried has to be seen. */
async function obtain(name: string, install: () => Promise<FoundTool>): Promise<Tool> {
  try {
    const tool = await install()
    await run(tool.command, ['--version'])
    return tool
  } catch (error) {
    const lines = (error as Error).message.split('\n')
    const reason = lines.find((line) => /^(npm error|E:)/.test(line)) ?? lines[0]
    const frame = '!'.repeat(80)
    console.error(`${frame}\nSKIPPED: ${name} cannot be had here: ${reason}\n${frame}`)
    return { isMissing: true }
  }
}

function works({ command }: FoundTool): Promise<boolean> {
  return run(command, ['--version']).then(
    () => true,
    () => false,
  )
}
