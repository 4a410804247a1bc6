import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FileStore } from '../index.ts'
import { type AppOptions, createApp } from './app.ts'

export interface ServerOptions extends Pick<AppOptions, 'onError'> {
  /** Default 127.0.0.1. */
  host?: string
  /** Default 8080; 0 takes a free one. */
  port?: number
  /** Milliseconds that requests under way have to finish when the server stops. Default 30,000. */
  drainMs?: number
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
  { host = '127.0.0.1', port = 8080, drainMs = 30_000, onError }: ServerOptions = {},
): Promise<RunningServer> {
  let draining = false
  const app = createApp(store, { isDraining: () => draining, ...(onError && { onError }) })
  // A long upload is not a slow one: what is timed is silence, not the whole request.
  const http = createServer({ requestTimeout: 0, keepAliveTimeout: 65_000 }, app.callback())
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

function urlOf(http: Server): string {
  const { address, family, port } = http.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
