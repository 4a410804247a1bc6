import { Command, Option } from 'commander'
import { startServer } from '../http/index.ts'
import { type Engine, FileStore, memcached, memory } from '../index.ts'
import { parseBytes, parseSeconds, wholeNumber } from './values.ts'

interface ServeOptions {
  host: string
  port: number
  memcached?: string
  memcachedUsername?: string
  memcachedPassword?: string
  memcachedTimeout: number
  memory: number
  chunkSize?: number
  maxFileSize?: number
  keyPrefix?: string
  secret?: string
  ttl: number
  drain: number
}

export function serveCommand(): Command {
  return new Command('serve')
    .description('start the HTTP server')
    .addOption(setting('--host <address>', 'address to listen on').default('127.0.0.1'))
    .addOption(
      setting('--port <number>', 'port to listen on, 0 for a free one')
        .default(8080)
        .argParser(wholeNumber(0, 65_535)),
    )
    .addOption(
      setting('--memcached <servers>', 'host:port,… of memcached; without it files live here').env(
        'BLOBCACHED_MEMCACHED',
      ),
    )
    .addOption(setting('--memcached-username <name>', 'SASL user name'))
    .addOption(setting('--memcached-password <password>', 'SASL password'))
    .addOption(
      setting('--memcached-timeout <ms>', 'milliseconds without an answer until it counts as down')
        .default(1000)
        .argParser(wholeNumber(1, 600_000)),
    )
    .addOption(
      setting('--memory <bytes>', 'size of the embedded engine')
        .default(256 * 1024 * 1024, '256MiB')
        .argParser(parseBytes),
    )
    .addOption(
      setting('--chunk-size <bytes>', 'size of a chunk (default: 524038)').argParser(parseBytes),
    )
    .addOption(
      setting(
        '--max-file-size <bytes>',
        'refuse larger files (default: what a manifest can list)',
      ).argParser(parseBytes),
    )
    .addOption(setting('--key-prefix <text>', 'put before every key in memcached'))
    .addOption(setting('--secret <text>', 'seal records with HMAC-SHA256'))
    .addOption(
      setting(
        '--ttl <time>',
        'how long files live unless their upload says otherwise, 0 for no limit',
      )
        .default(0)
        .argParser(parseSeconds),
    )
    .addOption(
      setting('--drain <time>', 'how long requests under way may take when the server stops')
        .default(30, '30s')
        .argParser(parseSeconds),
    )
    .addHelpText(
      'after',
      '\nEvery setting is also an environment variable: --chunk-size is BLOBCACHED_CHUNK_SIZE. A flag ' +
        'beats the\nenvironment. MEMCACHE_SERVERS, MEMCACHE_USERNAME and MEMCACHE_PASSWORD are honoured too.',
    )
    .action(serve)
}

/** A flag that is also an environment variable. */
function setting(flags: string, description: string): Option {
  const option = new Option(flags, description)
  return option.env(`BLOBCACHED_${option.name().replaceAll('-', '_').toUpperCase()}`)
}

async function serve(options: ServeOptions): Promise<void> {
  const engine = createEngine(options)
  const store = new FileStore(engine, {
    ttl: options.ttl,
    ...(options.chunkSize !== undefined && { chunkSize: options.chunkSize }),
    ...(options.maxFileSize !== undefined && { maxFileSize: options.maxFileSize }),
    ...(options.keyPrefix !== undefined && { keyPrefix: options.keyPrefix }),
    ...(options.secret !== undefined && { secret: options.secret }),
  })
  await store.ready().catch((error) => {
    if (error.code !== 'unavailable') throw error
    console.error(`blobcached: ${error.message}; serving 503 until it is there`)
  })
  const server = await startServer(store, {
    host: options.host,
    port: options.port,
    drainMs: options.drain * 1000,
  })
  console.log(`blobcached listens on ${server.url}`)
  stopOnSignal(() => server.close())
}

function createEngine(options: ServeOptions): Engine {
  const { env } = process
  const servers = options.memcached ?? env.MEMCACHE_SERVERS
  if (!servers) {
    console.error(
      'blobcached: no --memcached: files live in this process, bounded by --memory, and go with it',
    )
    return memory({ maxBytes: options.memory })
  }
  const username = options.memcachedUsername ?? env.MEMCACHE_USERNAME
  const password = options.memcachedPassword ?? env.MEMCACHE_PASSWORD
  return memcached(servers, {
    timeoutMs: options.memcachedTimeout,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  })
}

/** The first signal drains, a second one ends the process at once. */
function stopOnSignal(stop: () => Promise<void>): void {
  const onSignal = () => {
    process.once('SIGINT', () => process.exit(130))
    process.once('SIGTERM', () => process.exit(143))
    stop().then(
      () => process.exit(0),
      (error) => {
        console.error(error)
        process.exit(1)
      },
    )
  }
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
}
