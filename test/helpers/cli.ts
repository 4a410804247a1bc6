import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const COMMAND = isBuilt()
  ? [join(ROOT, 'dist/cli/main.js')]
  : [`--import=${import.meta.resolve('tsx')}`, join(ROOT, 'src/cli/main.ts')]
/** Milliseconds after which a command is killed. */
const WATCHDOG_MS = 60_000

export interface CliResult {
  /** The exit code; 128 and more when a signal ended it. */
  code: number
  /** Standard output. */
  bytes: Buffer
  stdout: string
  stderr: string
}

export interface CliOptions {
  /** Standard input. */
  input?: string | Uint8Array
  env?: Record<string, string>
  /** The file that standard output is written to. Default: the result has it. */
  output?: string
}

/** Runs the command line in its own folder, against one server. */
export class Cli {
  readonly folder: string
  readonly #t: ExecutionContext
  readonly #env: NodeJS.ProcessEnv

  constructor(t: ExecutionContext, folder: string, server: string) {
    this.folder = folder
    this.#t = t
    const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env
    this.#env = { ...env, BLOBCACHED_SERVER: server }
  }

  /** Returns the path of a file in the folder. */
  path(...segments: string[]): string {
    return join(this.folder, ...segments)
  }

  start(args: readonly string[], { env, input, output }: CliOptions = {}): RunningCli {
    const out = output === undefined ? 'pipe' : openSync(output, 'w')
    const child = spawn(process.execPath, [...COMMAND, ...args], {
      cwd: this.folder,
      env: { ...this.#env, ...env },
      stdio: ['pipe', out, 'pipe'],
    }) as ChildProcessWithoutNullStreams
    if (typeof out === 'number') closeSync(out)
    const watchdog = setTimeout(() => child.kill('SIGKILL'), WATCHDOG_MS)
    this.#t.teardown(() => void child.kill('SIGKILL'))
    child.stdin.on('error', () => {}) // The command may end before it has read all input.
    if (input !== undefined) child.stdin.end(input)
    const result = resultOf(child).finally(() => clearTimeout(watchdog))
    return { child, result }
  }

  run(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    return this.start(args, { input: '', ...options }).result
  }

  /** Runs a command and asserts that it succeeds. */
  async ok(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    const result = await this.run(args, options)
    this.#t.is(result.code, 0, `blobcached ${args.join(' ')}: ${result.stderr}`)
    return result
  }
}

export interface RunningCli {
  readonly child: ChildProcessWithoutNullStreams
  readonly result: Promise<CliResult>
}

export async function cliFor(t: ExecutionContext, server: { url: string }): Promise<Cli> {
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-cli-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return new Cli(t, folder, server.url)
}

async function resultOf(child: ChildProcessWithoutNullStreams): Promise<CliResult> {
  const [bytes, stderr, code] = await Promise.all([
    child.stdout ? buffer(child.stdout) : Buffer.alloc(0),
    text(child.stderr),
    new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => resolve(code ?? 128))
    }),
  ])
  return { code, bytes, stdout: bytes.toString(), stderr }
}

/** Returns whether the build is newer than every source; it starts in a third of the time. */
function isBuilt(): boolean {
  try {
    const builtAt = statSync(join(ROOT, 'dist/cli/main.js')).mtimeMs
    const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    return sources.every((path) => statSync(join(ROOT, 'src', path)).mtimeMs < builtAt)
  } catch {
    return false
  }
}
