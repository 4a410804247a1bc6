import { type Command, Option } from 'commander'
import { InvalidArgumentError } from '../index.ts'
import { LOG_FORMATS, LOG_LEVELS } from './log.ts'
import {
  bytes,
  collect,
  origins,
  parseBoolean,
  parseKeyPrefix,
  parseSeconds,
  wholeNumber,
} from './values.ts'

const MiB = 1024 * 1024

/** Every setting of `blobcached serve`, as it comes from flags and the environment. */
export interface Settings {
  host: string
  port: number
  tlsCert?: string
  tlsKey?: string
  corsOrigin?: string[]
  workers: number
  drain: number
  drainDelay: number
  memcached?: string
  memcachedFile?: string
  replicas: number
  writeQuorum?: number
  memcachedUsername?: string
  memcachedPassword?: string
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
  token?: string[]
  tokenFile?: string[]
  readToken?: string[]
  readTokenFile?: string[]
  publicRead: boolean
  secret?: string[]
  secretFile?: string[]
  logLevel: string
  logFormat?: string
  printConfig?: boolean
}

/** What must never be printed. */
const SECRETS = new Set(['token', 'readToken', 'secret', 'memcachedPassword'])

/** Declares every setting: a flag, the environment variable `BLOBCACHED_<FLAG>`, a line of help. */
export function declareSettings(command: Command): Command {
  const groups = {
    Listening: listening(),
    Files: files(),
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
    setting('--tls-cert <file>', 'serve HTTPS with this certificate chain (PEM)'),
    setting(
      '--tls-key <file>',
      'the private key of the certificate (PEM); SIGHUP reads both again',
    ),
    setting(
      '--cors-origin <origins>',
      'web sites whose pages may use this server, or * for all',
    ).argParser(origins),
    setting(
      '--workers <number>',
      'processes that share the port and, so, the work; needs --memcached',
    )
      .default(1)
      .argParser(wholeNumber(1, 64)),
    setting('--drain <time>', 'how long requests under way may take when the server stops')
      .default(30, '30s')
      .argParser(parseSeconds),
    setting(
      '--drain-delay <time>',
      'how long to go on accepting before that, while /readyz says no',
    )
      .default(0)
      .argParser(parseSeconds),
  ]
}

function files(): Option[] {
  return [
    setting('--memcached <servers>', 'host:port,… of memcached; without it files live here'),
    setting(
      '--memcached-file <file>',
      'the same, one address a line, host:port*2 for twice the share; SIGHUP reads it again',
    ),
    setting('--replicas <number>', 'memcacheds that each chunk lives on; links live on one more')
      .default(1)
      .argParser(wholeNumber(1, 16)),
    setting(
      '--write-quorum <number>',
      'copies of a link that a write needs (default: so many that it stays; 1: any)',
    ).argParser(wholeNumber(1, 17)),
    setting('--memcached-username <name>', 'SASL user name'),
    setting('--memcached-password <password>', 'SASL password'),
    setting(
      '--memcached-timeout <ms>',
      'milliseconds without an answer until it counts as down (default: 1000, 400 of several)',
    ).argParser(wholeNumber(1, 600_000)),
    setting(
      '--memcached-page-mover [boolean]',
      'move memory in memcached to the sizes that are stored, from the oldest files of others',
    )
      .preset('true')
      .default(true)
      .argParser(parseBoolean),
    setting('--memory <bytes>', 'size of the embedded engine')
      .default(256 * MiB, '256MiB')
      .argParser(bytes(MiB)),
    setting('--key-prefix <text>', 'put before every key in memcached').argParser(parseKeyPrefix),
    setting('--chunk-size <bytes>', 'size of a chunk (default: 524038)').argParser(
      bytes(1, 16 * MiB),
    ),
    setting(
      '--max-file-size <bytes>',
      'refuse larger files (default: what a manifest can list)',
    ).argParser(bytes(0)),
    setting('--hot-cache <bytes>', 'verified chunks to keep in each process for the next reader')
      .default(0, 'none')
      .argParser(bytes(0)),
    setting(
      '--memory-budget <bytes>',
      'what all requests to one process may hold together; a quarter of it one read',
    )
      .default(256 * MiB, '256MiB')
      .argParser(bytes(4 * MiB)),
    setting('--ttl <time>', 'how long files live unless their upload says so, 0 for no limit')
      .default(0)
      .argParser(parseSeconds),
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
    setting('--idle-timeout <time>', 'cut off who sends or takes nothing for so long, 0 for never')
      .default(60, '60s')
      .argParser(parseSeconds),
    setting('--header-timeout <time>', 'how long the header of a request may take, 0 for no limit')
      .default(30, '30s')
      .argParser(parseSeconds),
  ]
}

function access(): Option[] {
  return [
    setting('--token <tokens>', 'whoever sends one of these may read and write').argParser(collect),
    setting('--token-file <file>', 'more of them, one a line').argParser(collect),
    setting('--read-token <tokens>', 'whoever sends one of these may read').argParser(collect),
    setting('--read-token-file <file>', 'more of them, one a line').argParser(collect),
    setting('--public-read [boolean]', 'tokens are for writing; anyone may read files')
      .preset('true')
      .default(false)
      .argParser(parseBoolean),
    setting(
      '--secret <secrets>',
      'seal records with HMAC-SHA256: the first one seals, all are accepted',
    ).argParser(collect),
    setting('--secret-file <file>', 'more of them, one a line').argParser(collect),
  ]
}

function operation(): Option[] {
  return [
    setting('--log-level <level>', 'what to log; at warn, requests that went well are left out')
      .choices(LOG_LEVELS)
      .default('info'),
    setting('--log-format <format>', 'default: text on a terminal, else json').choices(LOG_FORMATS),
    new Option('--print-config', 'print the settings in force, without secrets, and exit'),
  ]
}

/** A flag that is also an environment variable. */
function setting(flags: string, description: string): Option {
  const option = new Option(flags, description)
  return option.env(environmentName(option))
}

function environmentName(option: Option): string {
  return `BLOBCACHED_${option.name().replaceAll('-', '_').toUpperCase()}`
}

/** What a setting's value came from, its flag or its environment variable, for messages about it. */
export type NameOf = (setting: keyof Settings) => string

export function namesOf(command: Command): NameOf {
  return (name) => {
    const option = command.options.find((candidate) => candidate.attributeName() === name)!
    const isFromEnvironment = command.getOptionValueSource(name) === 'env'
    return isFromEnvironment ? environmentName(option) : option.long!
  }
}

/** Does `work`; when it refuses a value, the error says which setting that was. */
export function named<T>(name: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw blame(name, error)
  }
}

export function blame(name: string, error: unknown): unknown {
  if (!(error instanceof InvalidArgumentError)) return error
  return new InvalidArgumentError(`${name}: ${error.message}`, { cause: error })
}

/** The settings in force, with the number of secrets in the place of the secrets. */
export function printable(settings: Settings): Record<string, unknown> {
  const { printConfig: _, ...rest } = settings
  const shown: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(rest)) {
    shown[name] = SECRETS.has(name) ? `${Array.isArray(value) ? value.length : 1} set` : value
  }
  if (rest.memcached !== undefined) shown.memcached = withoutCredentials(rest.memcached)
  return shown
}

function withoutCredentials(addresses: string): string {
  const hide = (address: string) => address.replace(/^(\s*\w+:\/\/)?.*@/, '$1***@')
  return addresses.split(',').map(hide).join(',')
}
