import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ExecutionContext } from 'ava'
import { type RunningServer, type ServerOptions, startServer } from '../../src/http/index.ts'
import { type Engine, FileStore, type FileStoreOptions, memory } from '../../src/index.ts'
import { until } from './watchdog.ts'

export interface TestServerOptions extends Omit<ServerOptions, 'host' | 'port' | 'onError'> {
  /** Default: a new memory engine. */
  engine?: Engine
  /** Options of the store over that engine. */
  store?: FileStoreOptions
  /** Returns whether the test provokes this unexpected error. Default: none. */
  isExpected?: (error: unknown) => boolean
}

export interface TestServer extends RunningServer {
  readonly store: FileStore
  readonly engine: Engine
}

/**
 * Starts a server on a free loopback port and closes it after the test. An unexpected error, one that is
 * answered 500, fails the test.
 */
export async function startTestServer(
  t: ExecutionContext,
  options: TestServerOptions = {},
): Promise<TestServer> {
  const { engine = memory(), store: storeOptions, isExpected = () => false, ...rest } = options
  const store = new FileStore(engine, storeOptions)
  const unforeseen: unknown[] = []
  const onError = (error: unknown) => {
    if (!isExpected(error)) unforeseen.push(error)
  }
  const defaults = { drainMs: 5000, graceMs: 0, allowedHosts: ['a', 'x'] }
  const server = await startServer(store, { ...defaults, ...rest, port: 0, onError })
  t.teardown(async () => {
    await server.close()
    if (unforeseen.length > 0) throw new AggregateError(unforeseen, 'unforeseen errors')
  })
  return { ...server, store, engine }
}

/** Resolves when the answer to the next request is closed, whole or not. */
export function nextClosed(http: Server): Promise<void> {
  return new Promise((resolve) => {
    http.once('request', (_req, res: ServerResponse) => res.once('close', () => resolve()))
  })
}

/** Serves `listener`, made with `createApp`, on a free loopback port until the test ends. */
export async function listen(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const http = createServer(listener).listen(0, '127.0.0.1')
  http.on('checkContinue', listener)
  t.teardown(() => http.close())
  await once(http, 'listening')
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`
}

/** Waits until no request holds memory. */
export async function memoryIsFree({ store }: Pick<TestServer, 'store'>): Promise<void> {
  await until('the memory to be given back', () => store.memoryUsage.used === 0)
}
