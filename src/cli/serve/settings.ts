import { type Command, Option } from 'commander'
import { InvalidArgumentError } from '../../errors.ts'
import type { MemcachedOptions } from '../../index.ts'
import {
  bytes,
  collect,
  hosts,
  origins,
  parseBasePath,
  parseBoolean,
  parseKeyPrefix,
  parseSeconds,
  wholeNumber,
} from '../commands/option-values.ts'

const MiB = 1024 * 1024
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'silent']
const LOG_FORMATS = ['json', 'text']

/** The settings of `blobcached serve`, from flags and the environment. */
export interface ServeSettings {
  host: string
  port: number
  basePath?: string
  tlsCert?: string
  tlsKey?: string
  corsOrigin?: string[]
  allowedHost?: string[]
  workers: number
  drain: number
  drainDelay: number
  memcached?: string
  memcachedFile?: string
  replicas: number
  writeQuorum?: number
  memcachedUsername?: string
  memcachedPassword?: string
  memcachedProtocol: MemcachedOptions['protocol'] & string
  memcachedTimeout?: number
  memcachedPageMover: boolean
  memory: number
  keyPrefix?: string
  chunkSize?: number
  maxFileSize?: number
  ttl: number
  hotCache: number
  memoryBudget: number
  maxUploads: number
  maxConnections: number
  idleTimeout: number
  headerTimeout: number
  minRate: number
  token?: string[]
  tokenFile?: string[]
  readToken?: string[]
  readTokenFile?: string[]
  publicRead: boolean
  secret?: string[]
  secretFile?: string[]
  origin?: string
  originBlobs?: string
  originAuthorization?: string
  originAuthorizationFile?: string
  originCacert?: string
  originRedirectHost?: string[]
  originTimeout?: number
  originTotalTimeout?: number
  originMaxFetches?: number
  originTtl?: number
  originNegativeTtl?: number
  originStaleIfError?: number
  originRangeLimit?: number
  originIgnoredVary?: string[]
  logLevel: string
  logFormat?: string
  printConfig?: boolean
}

/** Settings that are never printed. */
const SECRETS = new Set([
  'token',
  'readToken',
  'secret',
  'memcachedPassword',
  'originAuthorization',
])

/** Declares every setting: a flag, the environment variable `BLOBCACHED_<FLAG>`, a line of help. */
export function declareSettings(command: Command): Command {
  const groups = {
    Listening: listening(),
    Files: files(),
    Origin: origin(),
    Limits: limits(),
    Access: access(),
    Operation: operation(),
  }
  for (const [heading, settings] of Object.entries(groups)) {
    for (const setting of settings) command.addOption(setting.helpGroup(`${heading}:`))
  }
  return command
}

function listening(): Option[] {
  return [
    setting('--host <address>', 'address to listen on').default('127.0.0.1'),
    setting('--port <number>', 'port to listen on, 0 for a free one')
      .default(8080)
      .argParser(wholeNumber(0, 65_535)),
    setting(
      '--base-path <path>',
      'path that clients reach this server below, such as /cache, behind a proxy or not',
    ).argParser(parseBasePath),
    setting('--tls-cert <file>', 'serve HTTPS with this certificate chain (PEM)'),
    setting(
      '--tls-key <file>',
      'the private key of the certificate (PEM); SIGHUP reads both again',
    ),
    setting(
      '--cors-origin <origins>',
      'origins whose pages may use this server, or * for all',
    ).argParser(origins),
    setting('--workers <number>', 'processes that share the port; needs --memcached')
      .default(1)
      .argParser(wholeNumber(1, 64)),
    setting('--drain <time>', 'how long requests under way may take when the server stops')
      .default(30, '30s')
      .argParser(parseSeconds),
    setting(
      '--drain-delay <time>',
      'how long to accept requests before that, while /readyz answers 503',
    )
      .default(0)
      .argParser(parseSeconds),
  ]
}

function files(): Option[] {
  return [
    setting(
      '--memcached <servers>',
      'addresses of memcached: host:port,… (default: the embedded engine)',
    ),
    setting(
      '--memcached-file <file>',
      'one address a line, host:port*2 for twice the share; SIGHUP reads it again',
    ),
    setting(
      '--replicas <number>',
      'copies of each chunk, on as many memcacheds; links have one more',
    )
      .default(1)
      .argParser(wholeNumber(1, 16)),
    setting(
      '--write-quorum <number>',
      'copies of a link that a write needs (default: so many that it stays; 1: any)',
    ).argParser(wholeNumber(1, 17)),
    setting('--memcached-protocol <protocol>', 'how to speak to memcached; auto finds out')
      .choices(['auto', 'binary', 'meta', 'text'])
      .default('auto'),
    setting('--memcached-username <name>', 'user name, for SASL or a memcached with -Y'),
    setting('--memcached-password <password>', 'its password'),
    setting(
      '--memcached-timeout <ms>',
      'milliseconds without an answer before it counts as down (default: 1000; several or --memcached-file: 400)',
    ).argParser(wholeNumber(1, 600_000)),
    setting(
      '--memcached-page-mover [boolean]',
      'move memory in memcached to the sizes that are stored, from the oldest data of others',
    )
      .preset('true')
      .default(true)
      .argParser(parseBoolean),
    setting('--memory <bytes>', 'size of the embedded engine')
      .default(256 * MiB, '256MiB')
      .argParser(bytes(MiB)),
    setting('--key-prefix <text>', 'prefix of every key in memcached').argParser(parseKeyPrefix),
    setting('--chunk-size <bytes>', 'size of a chunk (default: 524038)').argParser(
      bytes(1, 16 * MiB),
    ),
    setting(
      '--max-file-size <bytes>',
      'refuse larger files (default: the most that a manifest can list)',
    ).argParser(bytes(0)),
    setting('--hot-cache <bytes>', 'verified chunks to keep in the memory of each process')
      .default(0, 'none')
      .argParser(bytes(0)),
    setting(
      '--memory-budget <bytes>',
      'memory for all requests to one process; one read gets up to a quarter',
    )
      .default(256 * MiB, '256MiB')
      .argParser(bytes(4 * MiB)),
    setting('--ttl <time>', 'time to live of files whose upload sets none, 0 for no limit')
      .default(0)
      .argParser(parseSeconds),
  ]
}

/** Without defaults, which `OriginOptions` has: what is set shows. */
function origin(): Option[] {
  return [
    setting('--origin <url>', 'where files come from that are not in the cache: a URL of names'),
    setting('--origin-blobs <url>', 'where content comes from by hash: a URL with {hash} in it'),
    setting(
      '--origin-authorization <text>',
      'Authorization field for the origin, such as "Bearer …"; others may see it in ps',
    ),
    setting('--origin-authorization-file <file>', 'file with that field in its first line'),
    setting('--origin-cacert <file>', 'trust the origins that these certificates (PEM) sign'),
    setting(
      '--origin-redirect-host <hosts>',
      'hosts that the origin may redirect to, beside itself',
    ).argParser(collect),
    setting(
      '--origin-timeout <time>',
      'how long to wait for its header, and for each piece of a file (default: 30s)',
    ).argParser(parseSeconds),
    setting(
      '--origin-total-timeout <time>',
      'how long the fetch of one file may take (default: 1h)',
    ).argParser(parseSeconds),
    setting(
      '--origin-max-fetches <number>',
      'fetches at once of one process; others wait (default: 64)',
    ).argParser(wholeNumber(1, 10_000)),
    setting(
      '--origin-ttl <time>',
      'how long a file is fresh whose answer does not say it (default: 60s)',
    ).argParser(parseSeconds),
    setting(
      '--origin-negative-ttl <time>',
      'how long not to ask again for what it does not have (default: 10s)',
    ).argParser(parseSeconds),
    setting(
      '--origin-stale-if-error <time>',
      'how long to serve what is no longer fresh while it fails (default: as its answers say)',
    ).argParser(parseSeconds),
    setting(
      '--origin-range-limit <bytes>',
      'pass on ranges of files larger than this, in place of fetching the whole (default: 64MiB)',
    ).argParser(bytes(0)),
    setting(
      '--origin-ignored-vary <fields>',
      'fields in Vary that make no difference; with others nothing is stored',
    ).argParser(collect),
  ]
}

function limits(): Option[] {
  return [
    setting('--max-uploads <number>', 'uploads at once; others get 503')
      .default(512)
      .argParser(wholeNumber(1, 1_000_000)),
    setting('--max-connections <number>', 'connections at once; others get 503')
      .default(4096)
      .argParser(wholeNumber(1, 1_000_000)),
    setting('--idle-timeout <time>', 'close connections without progress for so long, 0 for never')
      .default(60, '60s')
      .argParser(parseSeconds),
    setting('--header-timeout <time>', 'how long the header of a request may take, 0 for no limit')
      .default(30, '30s')
      .argParser(parseSeconds),
    setting(
      '--min-rate <bytes>',
      'what a client sends or takes a second while others wait for memory, 0 for no limit',
    )
      .default(4096, '4KiB')
      .argParser(bytes(0)),
  ]
}

function access(): Option[] {
  return [
    setting('--token <tokens>', 'tokens that allow reading and writing').argParser(collect),
    setting('--token-file <file>', 'more of them, one a line').argParser(collect),
    setting('--read-token <tokens>', 'tokens that allow reading').argParser(collect),
    setting('--read-token-file <file>', 'more of them, one a line').argParser(collect),
    setting('--public-read [boolean]', 'let everyone read files; tokens are for writing')
      .preset('true')
      .default(false)
      .argParser(parseBoolean),
    setting(
      '--allowed-host <names>',
      'without a token: answer for these hosts too, beside addresses, localhost and --host; * for all',
    ).argParser(hosts),
    setting(
      '--secret <secrets>',
      'seal records with HMAC-SHA256: the first one seals, all are accepted',
    ).argParser(collect),
    setting('--secret-file <file>', 'more of them, one a line').argParser(collect),
  ]
}

function operation(): Option[] {
  return [
    setting(
      '--log-level <level>',
      'the least level to log; warn leaves out requests, unless the server failed',
    )
      .choices(LOG_LEVELS)
      .default('info'),
    setting('--log-format <format>', 'default: text on a terminal, else json').choices(LOG_FORMATS),
    new Option('--print-config', 'print the settings in force, without secrets, and exit'),
  ]
}

/** Declares a flag that is also an environment variable. */
function setting(flags: string, description: string): Option {
  const option = new Option(flags, description)
  return option.env(environmentName(option))
}

function environmentName(option: Option): string {
  return `BLOBCACHED_${option.name().replaceAll('-', '_').toUpperCase()}`
}

/** Returns the flag or the environment variable that a setting's value came from, for messages. */
export type NameOf = (setting: keyof ServeSettings) => string

export function namesOf(command: Command): NameOf {
  return (name) => {
    const option = command.options.find((candidate) => candidate.attributeName() === name)!
    const isFromEnvironment = command.getOptionValueSource(name) === 'env'
    return isFromEnvironment ? environmentName(option) : option.long!
  }
}

/** Runs `work`; if it rejects a value, the error names the setting. */
export function named<T>(name: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw blame(name, error)
  }
}

/** Adds the name of the setting to the error about its value. */
export function blame(name: string, error: unknown): unknown {
  if (!(error instanceof InvalidArgumentError)) return error
  return new InvalidArgumentError(`${name}: ${error.message}`, { cause: error })
}

/** Returns the settings in force, with the number of secrets in place of the secrets. */
export function printable(settings: ServeSettings): Record<string, unknown> {
  const { printConfig: _, ...rest } = settings
  const shown: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(rest)) {
    shown[name] = SECRETS.has(name) ? `${Array.isArray(value) ? value.length : 1} set` : value
  }
  if (rest.origin !== undefined) shown.origin = withoutCredentials(rest.origin)
  if (rest.memcached !== undefined) shown.memcached = withoutCredentials(rest.memcached)
  return shown
}

function withoutCredentials(addresses: string): string {
  const hide = (address: string) => address.replace(/^(\s*\w+:\/\/)?.*@/, '$1***@')
  return addresses.split(',').map(hide).join(',')
}
