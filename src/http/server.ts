import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FileStore } from '../index.ts'
import { Admission, type AdmissionOptions } from './admission.ts'
import { type AppOptions, createApp } from './app.ts'
import { answerClientErrors } from './client-error.ts'
import { endIdleRequests } from './idle.ts'

export interface ServerOptions extends Pick<AppOptions, 'onError'>, AdmissionOptions {
  /** Default 127.0.0.1. */
  host?: string
  /** Default 8080; 0 takes a free one. */
  port?: number
  /** Milliseconds that requests under way have to finish when the server stops. Default 30,000. */
  drainMs?: number
  /** Milliseconds that a client may send or take nothing when it is its turn. Default 60,000. */
  idleTimeoutMs?: number
  /** Milliseconds that the header of a request may take to arrive. Default 30,000. */
  headerTimeoutMs?: number
}

/** A blobcached server that listens. */
export interface RunningServer {
  /** For example `http://127.0.0.1:8080`. */
  readonly url: string
  readonly http: Server
  /**
   * Takes no new work, finishes what is under way, and closes the store. What is not finished
   * after `drainMs` is cut off. Idempotent.
   */
  close(): Promise<void>
}

/** Starts serving `store`. Rejects when it cannot listen there. */
export async function startServer(
  store: FileStore,
  options: ServerOptions = {},
): Promise<RunningServer> {
  const { host = '127.0.0.1', port = 8080, drainMs = 30_000, onError } = options
  let draining = false
  const admission = new Admission(options)
  const app = createApp(store, {
    isDraining: () => draining,
    admission,
    ...(onError && { onError }),
  })
  const http = createServer(timesOf(options), app.callback())
  protect(http, admission, options)
  http.on('request', (_req, res) => {
    if (draining && !res.headersSent) res.setHeader('Connection', 'close')
  })
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, host, resolve)
  })

  const stop = async () => {
    draining = true
    const closed = new Promise((resolve) => http.close(resolve))
    http.closeIdleConnections()
    const cut = setTimeout(() => http.closeAllConnections(), drainMs)
    await closed
    clearTimeout(cut)
    await store.close()
  }
  let stopping: Promise<void> | undefined
  return { url: urlOf(http), http, close: () => (stopping ??= stop()) }
}

function timesOf({ headerTimeoutMs = 30_000 }: ServerOptions) {
  return {
    // A long upload is not a slow one: what is timed is silence, not the whole request.
    requestTimeout: 0,
    headersTimeout: headerTimeoutMs,
    connectionsCheckingInterval: Math.min(5000, headerTimeoutMs / 2),
    keepAliveTimeout: 65_000,
  }
}

/** Against clients that send nonsense, nothing, or too much at once. */
function protect(http: Server, admission: Admission, { idleTimeoutMs = 60_000 }: ServerOptions) {
  admission.watch(http)
  answerClientErrors(http)
  endIdleRequests(http, idleTimeoutMs)
}

function urlOf(http: Server): string {
  const { address, family, port } = http.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
