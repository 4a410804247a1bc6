import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type FileStore, InvalidArgumentError } from '../../index.ts'
import { type AppOptions, createApp } from '../app.ts'
import { type ConnectionLimits, Connections } from '../exchange/connections.ts'
import { answerClientErrors } from './client-errors.ts'
import { drain } from './drain.ts'
import { type Certificate, checkCertificate } from './tls.ts'

export interface ServerOptions
  extends Omit<AppOptions, 'isDraining' | 'connections'>,
    ConnectionLimits {
  /** Default 127.0.0.1. */
  host?: string
  /** Default 8080; 0 takes a free one. */
  port?: number
  /** Serve HTTPS with this; default: HTTP. */
  tls?: Certificate
  /** Milliseconds that requests under way have to finish when the server stops. Default 30,000. */
  drainMs?: number
  /**
   * Milliseconds for which a server that stops goes on accepting, while /readyz fails and each answer
   * is the last on its connection, so that no request meets a closed port. Default 500.
   */
  graceMs?: number
  /** Milliseconds that the header of a request may take to arrive; 0 is no limit. Default 30,000. */
  headerTimeoutMs?: number
}

/** A blobcached server that listens. */
export interface RunningServer {
  /** For example `http://127.0.0.1:8080`. */
  readonly url: string
  readonly http: Server
  /**
   * Uses another certificate from the next connection on.
   * @throws {InvalidArgumentError} when it cannot be used; the one before stays.
   */
  setCertificate(tls: Certificate): void
  /**
   * Takes no new work, finishes what is under way, and closes the store. What is not finished
   * after `drainMs` is cut off. Idempotent.
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
  const { host = '127.0.0.1', port = 8080, tls, drainMs = 30_000, graceMs = 500 } = options
  const connections = new Connections(options)
  const isDraining = () => connections.isDraining
  const app = createApp(store, { ...options, connections, isDraining })
  const http = createHttp(options)
  connections.watch(http)
  answerClientErrors(http, connections, options.logger)
  const handle = app.callback()
  // The app sends the 100 itself, and answers what cannot be expected.
  for (const event of ['request', 'checkContinue', 'checkExpectation']) http.on(event, handle)
  await listen(http, host, port)

  const stop = async () => {
    await drain(http, connections, { graceMs, drainMs })
    await store.close()
  }
  let stopping: Promise<void> | undefined
  return {
    url: urlOf(http, tls === undefined ? 'http' : 'https'),
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
  return createTlsServer({ ...times, ...tls })
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
