import cluster from 'node:cluster'
import type { Logger } from 'pino'
import {
  type AccessOptions,
  type RunningServer,
  type ServerOptions,
  startServer,
} from '../../http/index.ts'
import {
  DEFAULT_CHUNK_SIZE,
  type Engine,
  FileStore,
  hashThreadsFor,
  InvalidArgumentError,
  UnavailableError,
} from '../../index.ts'
import { createBackend } from './backend.ts'
import { collectLessOften, endOnCrash, reloadOnHangup, stopOnSignal } from './lifecycle.ts'
import { announcer, connectionLog, createLogger, damageLog } from './log.ts'
import { fitConnections, maxOpenFiles } from './open-files.ts'
import { readOrigin } from './origin.ts'
import { answerPulse } from './pulse.ts'
import { readAccess, readSecrets } from './secrets.ts'
import { blame, type NameOf, printable, type ServeSettings } from './settings.ts'
import { readCertificate, ServedCertificate } from './tls.ts'
import { workerMetrics } from './worker-metrics.ts'
import { supervise } from './workers.ts'

/** Starts the server, or with several workers all of them; resolves once it listens. */
export async function serve(given: ServeSettings, nameOf: NameOf): Promise<void> {
  collectLessOften()
  await start(withMemjsNames(given), nameOf)
}

/** Adds the environment variables that memjs knows. */
function withMemjsNames(settings: ServeSettings): ServeSettings {
  const { MEMCACHE_SERVERS, MEMCACHE_USERNAME, MEMCACHE_PASSWORD } = process.env
  const withDefault = <K extends keyof ServeSettings>(name: K, value: string | undefined) =>
    settings[name] || !value ? {} : { [name]: value }
  return {
    ...settings,
    ...(settings.memcachedFile === undefined && withDefault('memcached', MEMCACHE_SERVERS)),
    ...withDefault('memcachedUsername', MEMCACHE_USERNAME),
    ...withDefault('memcachedPassword', MEMCACHE_PASSWORD),
  }
}

/** Validates every setting before anything listens. */
async function start(given: ServeSettings, nameOf: NameOf): Promise<void> {
  const settings = { ...given, maxConnections: fitConnections(given.maxConnections) }
  const access = readAccess(settings, nameOf)
  const tls = readCertificate(settings, nameOf)
  const origin = readOrigin(settings, nameOf)
  const backend = createBackend(settings, nameOf)
  const store = createStore(backend.engine, settings, nameOf)
  if (settings.printConfig) {
    console.log(JSON.stringify(printable(settings), null, 2))
    return store.close()
  }
  const logger = createLogger(settings.logLevel, settings.logFormat)
  const announce = announcer(logger)
  if (settings.maxConnections < given.maxConnections && cluster.isPrimary) {
    announce.warn(
      { openFiles: maxOpenFiles(), maxConnections: settings.maxConnections },
      `${nameOf('maxConnections')} is lowered: twice as many connections have to fit ulimit -n`,
    )
  }
  if (settings.workers > 1 && cluster.isPrimary) {
    await store.close()
    return supervise(settings, nameOf, announce)
  }
  endOnCrash(logger)
  answerPulse()
  store.engine.observe(connectionLog(logger))
  store.observe(damageLog(logger))
  warn(settings, access, announce)
  const served = tls && new ServedCertificate(tls, () => readCertificate(settings, nameOf)!)
  const reloads = [backend.reload, served?.reload].filter((reload) => reload !== undefined)
  reloadOnHangup(reloads, announce)
  await checkReady(store, nameOf, announce)
  const server = await listen(store, settings, nameOf, {
    access,
    logger,
    origin,
    ...(served && { tls: served.certificate }),
  })
  served?.serveWith(server)
  stopOnSignal(() => server.close(), announce)
  const fields = { url: server.url, settings: printable(settings) }
  if (!cluster.isWorker) announce.info(fields, `blobcached listens on ${server.url}`)
}

function createStore(engine: Engine, settings: ServeSettings, nameOf: NameOf): FileStore {
  const secret = readSecrets('secret', settings, nameOf)
  const { ttl, hotCache, memoryBudget, chunkSize, maxFileSize, keyPrefix } = settings
  if (memoryBudget < 6 * (chunkSize ?? DEFAULT_CHUNK_SIZE)) {
    throw new InvalidArgumentError(`${nameOf('memoryBudget')}: it takes at least six chunks`)
  }
  return new FileStore(engine, {
    ttl,
    hotCache,
    hashThreads: hashThreadsFor(settings.workers),
    fills: { atOnce: settings.originMaxFetches },
    memory: { total: memoryBudget },
    ...(chunkSize !== undefined && { chunkSize }),
    ...(maxFileSize !== undefined && { maxFileSize }),
    ...(keyPrefix !== undefined && { keyPrefix }),
    ...(secret.length > 0 && { secret }),
  })
}

/** Warns of settings that are allowed, but may not be intended. */
function warn(
  settings: ServeSettings,
  { tokens, readTokens }: AccessOptions,
  logger: Logger,
): void {
  if (!settings.memcached && settings.memcachedFile === undefined) {
    logger.warn(
      'no --memcached: files are in the memory of this process, up to --memory, and end with it',
    )
  }
  if (tokens?.length === 0 && readTokens?.length !== 0) {
    logger.warn('--read-token without --token: no client may write')
  }
}

/** Goes on without memcached, which may start later; rejects if its items are too small for chunks. */
async function checkReady(store: FileStore, nameOf: NameOf, logger: Logger): Promise<void> {
  try {
    await store.ready()
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw blame(nameOf('chunkSize'), error)
    logger.warn(`${error.message}; serving 503 until it is there`)
  }
}

async function listen(
  store: FileStore,
  settings: ServeSettings,
  nameOf: NameOf,
  options: ServerOptions,
): Promise<RunningServer> {
  const { host, port, basePath, corsOrigin = [], allowedHost = [], drain, drainDelay } = settings
  try {
    return await startServer(store, {
      ...options,
      host,
      port,
      basePath,
      corsOrigins: corsOrigin,
      allowedHosts: allowedHost,
      metrics: { process: true, ...(cluster.isWorker && { exchange: workerMetrics() }) },
      drainMs: drain * 1000,
      maxUploads: settings.maxUploads,
      maxConnections: settings.maxConnections,
      idleTimeoutMs: settings.idleTimeout * 1000,
      headerTimeoutMs: settings.headerTimeout * 1000,
      minRate: settings.minRate,
      ...(drainDelay > 0 && { graceMs: drainDelay * 1000 }),
    })
  } catch (error) {
    await store.close()
    throw cannotListen(error, `${nameOf('host')} ${host} ${nameOf('port')} ${port}`)
  }
}

const LISTEN_ERRORS: Record<string, string> = {
  EADDRINUSE: 'something else listens there already; stop it or take another port',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'this user may not; take a port above 1023',
  ENOTFOUND: 'there is no such host',
}

function cannotListen(error: unknown, where: string): unknown {
  const why = LISTEN_ERRORS[(error as NodeJS.ErrnoException).code ?? '']
  return why === undefined
    ? error
    : new Error(`cannot listen on ${where}: ${why}`, { cause: error })
}
