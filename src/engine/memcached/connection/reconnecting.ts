import { ConnectionError } from '../connection-error.ts'
import type { MemcachedSettings } from '../options.ts'
import type { Codec, Reply, Request } from '../protocol/protocol.ts'
import { Backoff } from './backoff.ts'
import { Connection, type ConnectionEvents } from './connection.ts'

/**
 * One connection at a time to the same memcached. It opens one when there is something to ask, and
 * fails at once for a moment after repeated failures.
 */
export class ReconnectingConnection {
  readonly #settings: MemcachedSettings
  readonly #createCodec: () => Codec
  readonly #events: Partial<ConnectionEvents>
  readonly #backoff: Backoff
  #connection: Connection | undefined
  #lastFailure: ConnectionError | undefined
  #closed = false

  /**
   * @param createCodec Called for each new connection.
   * @param events `down` is called once for several failures in a row.
   */
  constructor(
    settings: MemcachedSettings,
    createCodec: () => Codec,
    events: Partial<ConnectionEvents> = {},
  ) {
    this.#settings = settings
    this.#createCodec = createCodec
    this.#events = events
    this.#backoff = new Backoff(settings.backoffMinMs, settings.backoffMaxMs)
  }

  /** Requests without a reply. */
  get load(): number {
    return this.#connection?.load ?? 0
  }

  /** As `Connection.maxValueSize`; unknown while there is no connection. */
  maxValueSize(keyLength: number): number | undefined {
    return this.#connection?.maxValueSize(keyLength)
  }

  /** As `Connection.ask`. */
  ask<R>(request: Request, read: (reply: Reply) => R): Promise<R> {
    const connection = this.#connect()
    if (connection instanceof ConnectionError) return Promise.reject(connection)
    return connection.ask(request, read)
  }

  /** Rejects everything under way, for good. Resolves when the socket is gone. */
  async close(): Promise<void> {
    this.#closed = true
    const connection = this.#connection
    connection?.fail(new ConnectionError('shutdown', 'the client was closed'))
    await connection?.closed
  }

  #connect(): Connection | ConnectionError {
    if (this.#closed) return new ConnectionError('shutdown', 'the client is closed')
    if (this.#connection) return this.#connection
    if (this.#backoff.isPausing) return this.#lastFailure!
    this.#connection = new Connection(this.#settings, this.#createCodec(), {
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
    return this.#connection
  }
}
