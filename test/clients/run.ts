import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

export interface RunOptions {
  cwd?: string
  /** Beside PATH, HOME and what finds the package registry. */
  env?: Record<string, string>
  timeoutMs?: number
}

/** What a command prints, both streams; rejects with all of it when the command fails. */
export async function run(
  command: string,
  args: readonly string[],
  { cwd, env = {}, timeoutMs = 240_000 }: RunOptions = {},
): Promise<string> {
  try {
    const { stdout, stderr } = await execute(command, args, {
      ...(cwd !== undefined && { cwd }),
      env: { ...inherited(), ...env },
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
    })
    return stdout + stderr
  } catch (error) {
    const { message, stdout = '', stderr = '' } = error as Error & Record<string, string>
    throw new Error(`${message}\n${stdout}\n${stderr}`, { cause: error })
  }
}

/** Nothing of the machine's own caches and settings may make a build succeed or hit. */
function inherited(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      /^(PATH|HOME|LANG|TMPDIR)$/.test(name) || /^(npm_config_|https?_proxy|no_proxy)/i.test(name),
  )
  return Object.fromEntries(kept) as Record<string, string>
}
