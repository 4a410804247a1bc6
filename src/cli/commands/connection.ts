import { type Command, InvalidArgumentError, Option } from 'commander'
import type { RemoteServer } from '../client/remote-server.ts'
import { interruption } from '../terminal/interruption.ts'
import type { Report } from '../terminal/report.ts'
import { parseSeconds, wholeNumber } from './option-values.ts'

/** The options of every command that talks to a server. */
export interface ConnectionOptions {
  server: URL
  token?: string
  retries: number
  timeout: number
}

export function addConnectionOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--server <url>', 'where blobcached serve listens')
        .env('BLOBCACHED_SERVER')
        .default(new URL('http://127.0.0.1:8080'), 'http://127.0.0.1:8080')
        .argParser(parseUrl),
    )
    .addOption(new Option('--token <text>', 'token of the server').env('BLOBCACHED_TOKEN'))
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

/** The option for how many files a command transfers at a time. */
export function jobsOption(count: number): Option {
  return new Option('-j, --jobs <number>', 'files to transfer at a time')
    .default(count)
    .argParser(wholeNumber(1, 64))
}

/** Runs `work` with the server that the options name, and closes the connections afterwards. */
export async function withServer<R>(
  { server: url, token, retries, timeout }: ConnectionOptions,
  report: Report,
  work: (server: RemoteServer) => Promise<R>,
): Promise<R> {
  const { RemoteServer } = await import('../client/remote-server.ts') // Slow to load.
  const server = new RemoteServer({
    url,
    token,
    retries,
    timeoutMs: timeout * 1000,
    signal: interruption(),
    onRetry: (error) => report.remark(`${error.message}; trying again`),
  })
  try {
    return await work(server)
  } finally {
    await server.close()
  }
}

function parseUrl(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url !== null && /^https?:$/.test(url.protocol) && !url.search && !url.hash) return url
  throw new InvalidArgumentError('It takes a URL such as http://127.0.0.1:8080.')
}
