import type { Server, ServerResponse } from 'node:http'
import type { ExecutionContext } from 'ava'
import { type RunningServer, type ServerOptions, startServer } from '../../src/http/index.ts'
import { type Engine, FileStore, type FileStoreOptions, memory } from '../../src/index.ts'

export interface TestServerOptions extends Omit<ServerOptions, 'host' | 'port' | 'onError'> {
  /** Default: a memory engine of its own. */
  engine?: Engine
  /** Settings of the store over that engine. */
  store?: FileStoreOptions
  /** Whether the test provokes this error, which nobody else may; default: none. */
  isExpected?: (error: unknown) => boolean
}

export interface TestServer extends RunningServer {
  readonly store: FileStore
  readonly engine: Engine
}

/**
 * A server on a free loopback port, closed when the test has ended. An error that the server calls
 * unforeseen, the kind that answers 500, fails the test.
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
  const server = await startServer(store, { drainMs: 5000, graceMs: 0, ...rest, port: 0, onError })
  t.teardown(async () => {
    await server.close()
    if (unforeseen.length > 0) throw new AggregateError(unforeseen, 'unforeseen errors')
  })
  return { ...server, store, engine }
}

/** When the answer to the next request is closed, however that comes. */
export function nextClosed(http: Server): Promise<void> {
  return new Promise((resolve) => {
    http.once('request', (_req, res: ServerResponse) => res.once('close', () => resolve()))
  })
}
