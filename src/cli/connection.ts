import { type Command, InvalidArgumentError, Option } from 'commander'
import { Client, type ClientOptions } from './client/client.ts'
import { interruption } from './interruption.ts'
import type { Report } from './report.ts'
import { parseSeconds, wholeNumber } from './values.ts'

/** What every command that talks to a server takes. */
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
        .argParser(parseServer),
    )
    .addOption(
      new Option('--token <text>', 'the token that the server asks for').env('BLOBCACHED_TOKEN'),
    )
    .addOption(
      new Option('--retries <number>', 'times to try again when the server cannot be reached')
        .default(4)
        .argParser(wholeNumber(0, 100)),
    )
    .addOption(
      new Option(
        '--timeout <time>',
        'how long the server may be silent; it verifies before it answers',
      )
        .default(300, '5m')
        .argParser(parseSeconds),
    )
}

/** How many files a command has under way at a time. */
export function jobsOption(count: number): Option {
  return new Option('-j, --jobs <number>', 'files under way at a time')
    .default(count)
    .argParser(wholeNumber(1, 64))
}

/** Runs `work` with a client that is closed afterwards, whatever happens. */
export async function withClient<R>(
  { server, token, retries, timeout }: ConnectionOptions,
  report: Report,
  work: (client: Client) => Promise<R>,
): Promise<R> {
  const options: ClientOptions = {
    server,
    token,
    retries,
    timeoutMs: timeout * 1000,
    signal: interruption(),
    onRetry: (error) => report.remark(`${error.message}; trying again`),
  }
  const client = new Client(options)
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

function parseServer(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url !== null && /^https?:$/.test(url.protocol) && !url.search && !url.hash) return url
  throw new InvalidArgumentError('It takes a URL such as http://127.0.0.1:8080.')
}
