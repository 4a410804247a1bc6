import { ConnectionError } from '../connection-error.ts'
import type { KnownServer } from '../known-server.ts'
import type { Codec, Reply, Request } from '../protocol/protocol.ts'
import { adviseOn } from './advice.ts'
import { Backoff } from './backoff.ts'
import { Connection, type ConnectionEvents } from './connection.ts'

/** `down` is called once for several failures in a row. */
export interface ReconnectingEvents extends Pick<ConnectionEvents, 'up'> {
  down(error: ConnectionError): void
}

/** The clock of a memcached, by what it said once: both its and ours go on by steady seconds. */
class ServerClock {
  readonly #ahead: number

  /** @param time Unix time in seconds. */
  constructor(time: number) {
    this.#ahead = time - performance.now() / 1000
  }

  get now(): number {
    return this.#ahead + performance.now() / 1000
  }
}

/**
 * One connection at a time to the same memcached. It opens one when there is something to ask, and
 * fails at once for a moment after repeated failures.
 */
export class ReconnectingConnection {
  readonly #server: KnownServer
  readonly #events: Partial<ReconnectingEvents>
  readonly #backoff: Backoff
  #connection: Connection | undefined
  #lastFailure: ConnectionError | undefined
  #closed = false

  constructor(server: KnownServer, events: Partial<ReconnectingEvents> = {}) {
    this.#server = server
    this.#events = events
    const { backoffMinMs, backoffMaxMs } = server.settings
    this.#backoff = new Backoff(backoffMinMs, backoffMaxMs)
  }

  /** Requests without a reply. */
  get load(): number {
    return this.#connection?.load ?? 0
  }

  /** As `Connection.maxValueSize`; unknown while there is no connection. */
  maxValueSize(keyLength: number): number | undefined {
    return this.#connection?.maxValueSize(keyLength)
  }

  /** Unix time in seconds by memcached's own clock; unknown until it was learned on this connection. */
  get serverTime(): number | undefined {
    return this.#connection?.clock?.now
  }

  /** Takes the time from the figures that `stats` has just told. */
  learnTime(figures: ReadonlyMap<string, string>): void {
    const time = Number(figures.get('time'))
    if (this.#connection && time > 0) this.#connection.clock = new ServerClock(time)
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
    return this.#open(performance.now())
  }

  /** @param startedAt When the first of the connections was opened that look for a protocol. */
  #open(startedAt: number): Connection {
    const { settings, protocols, lacks } = this.#server
    const codec = protocols.create()
    // Where the protocol has no other greeting, the question shows whether the server speaks it.
    const tellsSettings = codec.hello.length === 0 || !lacks.has('stats')
    const start = { settings, codec, tellsSettings, startedAt }
    const connection: Connection = new Connection(start, {
      up: () => this.#up(connection, codec),
      down: (error) => this.#down(connection, codec, error, startedAt),
    })
    this.#connection = connection
    return connection
  }

  #up(connection: Connection, codec: Codec): void {
    this.#server.protocols.understood(codec)
    this.#server.learn(connection.told)
    this.#backoff.succeeded()
    this.#lastFailure = undefined
    this.#events.up?.()
  }

  #down(
    connection: Connection,
    codec: Codec,
    error: ConnectionError,
    startedAt: number,
  ): ConnectionError | Connection {
    this.#connection = undefined
    if (error.code === 'shutdown') return error
    const { stage } = connection
    if (stage === 'up') this.#server.lost()
    else if (this.#isWorthAnother(connection, codec, error)) return this.#open(startedAt)
    const failure = adviseOn(error, stage, this.#server.settings)
    const isNews = this.#lastFailure === undefined
    this.#lastFailure = failure
    this.#backoff.failed()
    if (isNews) this.#events.down?.(failure)
    return failure
  }

  /** Whether to connect again at once, to speak another protocol or to ask less. */
  #isWorthAnother({ stage }: Connection, codec: Codec, error: ConnectionError): boolean {
    if (stage === 'open') return this.#server.protocols.failed(codec, error)
    if (stage !== 'understood' || !error.retryable || this.#server.lacks.has('stats')) return false
    this.#server.hungUpOnSettings(codec)
    return true
  }
}
