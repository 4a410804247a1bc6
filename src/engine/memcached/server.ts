import memjs from 'memjs'
import { Backoff } from './backoff.ts'
import { Connection, type ConnectionConfig, type Exchange } from './connection.ts'
import { ConnectionError } from './connection-error.ts'
import type { Request } from './request.ts'

export interface ServerEvents {
  up?(): void
  down?(error: ConnectionError): void
}

/**
 * The server of a memjs client over a connection of our own: what memjs does with sockets
 * and with responses is never reached. Connects when there is something to ask, and after repeated
 * failures fails at once for a moment.
 */
export class Server extends memjs.Server {
  readonly #config: ConnectionConfig
  readonly #events: ServerEvents
  readonly #backoff: Backoff
  /** Of the request that is written next: they are registered right before it, as memjs does. */
  #onResponse: Exchange['onResponse'] = ignore
  #onError: Exchange['onError'] = ignore
  #connection: Connection | undefined
  #lastFailure: ConnectionError | undefined
  #closed = false

  constructor(config: ConnectionConfig, events: ServerEvents = {}) {
    const { target } = config.address
    const [host, port] = 'path' in target ? [target.path, 0] : [target.host, target.port]
    super(host, port)
    // memjs takes them from the environment when there are none; only what was passed counts.
    this.username = config.credentials?.username
    this.password = config.credentials?.password
    this.#config = config
    this.#events = events
    const { backoffMinMs, backoffMaxMs } = config.settings
    this.#backoff = new Backoff(backoffMinMs, backoffMaxMs)
  }

  /** Requests that wait for an answer. */
  get load(): number {
    return this.#connection?.load ?? 0
  }

  /** What it told when it was connected; unknown while it is not. */
  get maxItemSize(): number | undefined {
    return this.#connection?.maxItemSize
  }

  override onResponse(_seq: number, callback: Exchange['onResponse']): void {
    this.#onResponse = callback
  }

  override onError(_seq: number, callback: Exchange['onError']): void {
    this.#onError = callback
  }

  /**
   * Sends a request; the callbacks that were registered last go with it.
   * @param request A `Buffer` from what memjs's own client can do beside what ours does.
   */
  override write(request: Request | Buffer): void {
    const exchange = {
      request: Buffer.isBuffer(request) ? { head: request, value: undefined } : request,
      onResponse: this.#onResponse,
      onError: this.#onError,
    }
    this.#onResponse = ignore
    this.#onError = ignore
    const connection = this.#connect()
    if (connection instanceof ConnectionError) exchange.onError(connection)
    else connection.submit(exchange)
  }

  /** Rejects everything under way; the server cannot be used again. Resolves when the socket is gone. */
  override async close(): Promise<void> {
    this.#closed = true
    const connection = this.#connection
    connection?.fail(new ConnectionError('shutdown', 'the client was closed'))
    await connection?.closed
  }

  #connect(): Connection | ConnectionError {
    if (this.#closed) return new ConnectionError('shutdown', 'the client is closed')
    if (this.#connection) return this.#connection
    if (this.#backoff.isPausing) return this.#lastFailure!
    const connection = new Connection(this.#config, {
      up: () => {
        this.#backoff.succeeded()
        this.#lastFailure = undefined
        this.#events.up?.()
      },
      down: (error) => {
        this.#connection = undefined
        if (error.code === 'shutdown') return
        const isNews = this.#lastFailure === undefined
        this.#lastFailure = error
        this.#backoff.failed()
        if (isNews) this.#events.down?.(error)
      },
    })
    this.#connection = connection
    return connection
  }
}

const ignore = () => {}
