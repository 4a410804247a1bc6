import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { RemoteServer } from '../client/remote-server.ts'
import { ToldError, UsageError } from '../exit-codes.ts'
import { isClosedPipe } from '../terminal/failure.ts'
import { interruption } from '../terminal/interruption.ts'
import type { Report } from '../terminal/report.ts'
import { parseSeconds, wholeNumber } from './option-values.ts'

/** The options of every command that talks to a server. */
export interface ConnectionOptions {
  server: URL
  token?: string
  tokenFile?: string
  cacert?: string
  insecure?: boolean
  retries: number
  timeout: number
}

export function addConnectionOptions(command: Command): Command {
  declareOptions(command)
  // A variable that is empty is as good as not set.
  for (const { envVar } of command.options) {
    if (envVar !== undefined && process.env[envVar] === '') delete process.env[envVar]
  }
  return command.hook('preAction', async (_, command) => {
    const isFlag = (name: string) => command.getOptionValueSource(name) === 'cli'
    if (isFlag('tokenFile') && !isFlag('token')) command.setOptionValue('token', undefined)
    const { warnOfMisspelled } = await import('./misspelled.ts') // Not for help.
    await warnOfMisspelled(process.env, [command])
  })
}

function declareOptions(command: Command): void {
  command
    .addOption(
      new Option('--server <url>', 'where blobcached serve listens')
        .env('BLOBCACHED_SERVER')
        .default(new URL('http://127.0.0.1:8080'), 'http://127.0.0.1:8080')
        .argParser(parseUrl),
    )
    .addOption(
      new Option('--token <text>', 'token of the server; others may see it in ps')
        .env('BLOBCACHED_TOKEN')
        .argParser(hidden),
    )
    .addOption(
      new Option('--token-file <file>', 'file with the token in its first line').env(
        'BLOBCACHED_TOKEN_FILE',
      ),
    )
    .addOption(
      new Option('--cacert <file>', 'trust the servers that these certificates (PEM) sign').env(
        'BLOBCACHED_CACERT',
      ),
    )
    .option('--insecure', 'accept any certificate: anyone on the way can read and change all')
    .addOption(
      new Option('--retries <number>', 'further attempts when the server cannot be reached')
        .default(4)
        .argParser(wholeNumber(0, 100)),
    )
    .addOption(
      new Option(
        '--timeout <time>',
        'how long to wait for the server, which verifies before it answers',
      )
        .default(300, '5m')
        .argParser(parseSeconds),
    )
}

/** Takes the flags of a process, of which one is secret, out of the list that ps shows. */
function hidden(token: string): string {
  process.title = 'blobcached'
  return token
}

/** The option for how much a command does at a time. @param what What it counts. */
export function jobsOption(count: number, what = 'files to transfer'): Option {
  return new Option('-j, --jobs <number>', `${what} at a time`)
    .default(count)
    .argParser(wholeNumber(1, 64))
}

/** The option for how long a name lives. */
export function ttlOption(): Option {
  return new Option('--ttl <time>', 'time to live: 90s, 15m, 12h, 30d').argParser(parseSeconds)
}

/** The option for a file that lists what a command is about. @param verb What it does with them. */
export function listOption(verb: string): Option {
  return new Option(
    '-l, --list <file>',
    `${verb} what this file lists: names, or lines that put printed; - for standard input`,
  )
}

/**
 * Runs `work` with the server that the options name, and closes the connections afterwards. With `--json`
 * a failure is an object, too.
 */
export async function withServer<R>(
  options: ConnectionOptions,
  report: Report,
  work: (server: RemoteServer) => Promise<R>,
): Promise<R> {
  const connected = async () => {
    const server = await serverOf(options, report)
    return work(server).finally(() => server.close())
  }
  return told(report, connected())
}

/** Settles as `work` does; with `--json` a failure that is not printed yet is an object, too. */
export async function told<R>(report: Report, work: Promise<R>): Promise<R> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof ToldError || isClosedPipe(error))) report.failed(error)
    throw error
  }
}

async function serverOf(options: ConnectionOptions, report: Report): Promise<RemoteServer> {
  const { server: url, retries, timeout, tokenFile, cacert, insecure } = options
  const { RemoteServer } = await import('../client/remote-server.ts') // Not for help.
  return new RemoteServer({
    url,
    token: options.token ?? (tokenFile === undefined ? undefined : await readToken(tokenFile)),
    ca: cacert === undefined ? undefined : await readCertificates(cacert),
    insecure,
    retries,
    timeoutMs: timeout * 1000,
    signal: interruption(),
    onRetry: (error) => report.remark(`${error.message}; trying again`),
  })
}

async function readToken(path: string): Promise<string> {
  const [token = ''] = (await readFile(path, 'utf8')).split('\n', 1)
  if (/^[\x21-\x7e]+$/.test(token.trim())) return token.trim()
  throw new UsageError(`the first line of ${path} is not a token: printable ASCII, no spaces`)
}

async function readCertificates(path: string): Promise<Buffer> {
  const bytes = await readFile(path)
  if (bytes.includes('-----BEGIN CERTIFICATE-----')) return bytes
  throw new UsageError(`${path} holds no certificate (PEM)`)
}

function parseUrl(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url !== null && /^https?:$/.test(url.protocol) && !url.search && !url.hash) return url
  throw new InvalidArgumentError('It takes a URL such as http://127.0.0.1:8080.')
}
