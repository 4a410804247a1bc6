import type { ExecutionContext } from 'ava'
import { type CliResult, cliFor } from './cli.ts'
import { watched } from './watchdog.ts'

/** Milliseconds to wait for a line of the log, on a busy machine. */
const LIMIT_MS = 45_000

/** A line of the log. */
export interface LogLine {
  level: string
  msg: string
  [field: string]: unknown
}

/** A process of `blobcached serve`. */
export interface Serving {
  readonly url: string
  readonly pid: number
  /** The lines logged so far. */
  readonly lines: readonly LogLine[]
  /** Waits until it has logged the message. */
  logged(message: string | RegExp): Promise<LogLine>
  signal(signal: NodeJS.Signals): void
  /** Resolves when the process has ended. */
  readonly result: Promise<CliResult>
}

/** Starts it on a free loopback port and kills it after the test. */
export async function startServe(
  t: ExecutionContext,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Serving> {
  const cli = await cliFor(t, { url: '' })
  const { child, result } = cli.start(['serve', '--port', '0', ...args], { env, input: '' })
  const lines: LogLine[] = []
  const waiting = new Set<() => void>()
  let rest = ''
  child.stdout.on('data', (text) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop()!
    for (const part of parts) lines.push(JSON.parse(part) as LogLine)
    for (const look of waiting) look()
  })
  const find = (message: string | RegExp) =>
    lines.find(({ msg }) => (typeof message === 'string' ? msg === message : message.test(msg)))
  const logged = (message: string | RegExp) =>
    watched(
      `the line ${message}`,
      new Promise<LogLine>((resolve, reject) => {
        const look = () => {
          const line = find(message)
          if (line === undefined) return
          waiting.delete(look)
          resolve(line)
        }
        waiting.add(look)
        look()
        result.then(
          ({ code, stderr }) => reject(new Error(`ended with ${code}: ${stderr}`)),
          reject,
        )
      }),
      LIMIT_MS,
    )
  const { url } = await logged(/^blobcached listens on /)
  const signal = (name: NodeJS.Signals) => void child.kill(name)
  return { url: String(url), pid: child.pid!, lines, logged, signal, result }
}
