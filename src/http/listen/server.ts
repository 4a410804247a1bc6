import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https'
import { type AddressInfo, isIP } from 'node:net'
import { type FileStore, InvalidArgumentError } from '../../index.ts'
import type { NamesOf } from '../../known-names.ts'
import { APP_OPTIONS, type AppOptions, appOf, checkArguments } from '../app.ts'
import { checkBasePath } from '../exchange/base-path.ts'
import { type ConnectionLimits, Connections } from '../exchange/connections.ts'
import { answerClientErrors } from './client-errors.ts'
import { drain } from './drain.ts'
import { type Certificate, checkCertificate } from './tls.ts'

export interface ServerOptions
  extends Omit<AppOptions, 'isDraining' | 'connections'>,
    ConnectionLimits {
  /** Default 127.0.0.1. */
  host?: string | undefined
  /** Default 8080; 0 takes a free one. */
  port?: number | undefined
  /** Serve HTTPS with this; default: HTTP. */
  tls?: Certificate | undefined
  /** Milliseconds that requests under way have to finish when the server stops. Default 30,000. */
  drainMs?: number | undefined
  /**
   * Milliseconds for which a server that stops goes on accepting, while /readyz fails and each answer
   * is the last on its connection, so that no request meets a closed port. Default 500, without an open
   * connection none.
   */
  graceMs?: number | undefined
  /** Milliseconds that the header of a request may take to arrive; 0 is no limit. Default 30,000. */
  headerTimeoutMs?: number | undefined
}

const { isDraining: _, connections: __, ...SHARED_OPTIONS } = APP_OPTIONS
const SERVER_OPTIONS: NamesOf<ServerOptions> = {
  ...SHARED_OPTIONS,
  maxConnections: true,
  idleTimeoutMs: true,
  minRate: true,
  host: true,
  port: true,
  tls: true,
  drainMs: true,
  graceMs: true,
  headerTimeoutMs: true,
}

/** A blobcached server that listens. */
export interface RunningServer {
  /** For example `http://127.0.0.1:8080`, with the base path. */
  readonly url: string
  readonly http: Server
  /**
   * Uses another certificate from the next connection on.
   * @throws {InvalidArgumentError} when it cannot be used; the one before stays.
   */
  setCertificate(tls: Certificate): void
  /**
   * Takes no new work, finishes what is under way, and closes the store. What is not finished
   * `drainMs` after the grace time is cut off. Idempotent.
   */
  close(): Promise<void>
}

/**
 * Starts serving `store`. Rejects when it cannot listen there.
 * @throws {InvalidArgumentError} when the certificate cannot be used.
 */
export async function startServer(
  store: FileStore,
  options: ServerOptions = {},
): Promise<RunningServer> {
  checkArguments('startServer', store, options, SERVER_OPTIONS)
  const { host = '127.0.0.1', port = 8080, tls, drainMs = 30_000 } = options
  const connections = new Connections(options)
  const isDraining = () => connections.isDraining
  const allowedHosts = [...(options.allowedHosts ?? []), ...(isIP(host) ? [] : [host])]
  const app = appOf(store, { ...options, allowedHosts, connections, isDraining })
  const http = createHttp(options)
  connections.watch(http)
  connections.watchPace(http, () => store.memoryUsage.waiting > 0)
  answerClientErrors(http, connections, options.logger)
  const callback = app.callback()
  const handle = (req: IncomingMessage, res: ServerResponse) => {
    // What was read is parsed to its end, even when the connection was cut in the middle of it.
    if (!req.socket.destroyed) void callback(req, res)
  }
  // The app sends the 100 itself, and answers what cannot be expected.
  for (const event of ['request', 'checkContinue', 'checkExpectation']) http.on(event, handle)
  await listen(http, host, port)

  const stop = async () => {
    const { graceMs = connections.sockets.size > 0 ? 500 : 0 } = options
    await drain(http, connections, { graceMs, drainMs })
    await store.close()
  }
  let stopping: Promise<void> | undefined
  return {
    url: urlOf(http, tls === undefined ? 'http' : 'https') + checkBasePath(options.basePath ?? ''),
    http,
    setCertificate({ cert, key }) {
      if (tls === undefined) throw new InvalidArgumentError('the server was started without TLS')
      checkCertificate({ cert, key })
      ;(http as HttpsServer).setSecureContext({ cert, key })
    },
    close: () => (stopping ??= stop()),
  }
}

function createHttp({ tls, headerTimeoutMs = 30_000 }: ServerOptions): Server {
  const times = {
    // Idle time is limited, not the whole request: a long upload is not a slow one.
    requestTimeout: 0,
    headersTimeout: headerTimeoutMs,
    connectionsCheckingInterval: Math.min(5000, headerTimeoutMs / 2 || 5000),
    keepAliveTimeout: 65_000,
    requireHostHeader: false, // Node would answer without a reason.
  }
  if (tls === undefined) return createServer(times)
  checkCertificate(tls)
  // By itself, Node offers the first alone, and clients of HTTP/1.0 find no protocol.
  return createTlsServer({ ...times, ...tls, ALPNProtocols: ['http/1.1', 'http/1.0'] })
}

function listen(http: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, host, () => {
      http.off('error', reject)
      resolve()
    })
  })
}

function urlOf(http: Server, scheme: string): string {
  const { address, family, port } = http.address() as AddressInfo
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
