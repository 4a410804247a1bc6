import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { Connection } from './connection.ts'

export interface ConnectionLimits {
  /**
   * Connections whose requests are answered; those of others are 503. Twice as many are accepted, so
   * that they can be told. Default 4,096.
   */
  maxConnections?: number
  /** Milliseconds that a client may send or take nothing when it is its turn. 0 is for ever. Default 60,000. */
  idleTimeoutMs?: number
}

/** The connections of a server, each with its requests under way. */
export class Connections {
  readonly maxConnections: number
  /** All sockets, those in a TLS handshake too. */
  readonly sockets = new Set<Socket>()
  /** By the socket that requests come from: over TLS, the one inside. */
  readonly #connections = new Map<Socket, Connection>()
  readonly #idleMs: number
  #isDraining = false

  constructor({ maxConnections = 4096, idleTimeoutMs = 60_000 }: ConnectionLimits = {}) {
    this.maxConnections = maxConnections
    this.#idleMs = idleTimeoutMs
  }

  /** Counts the connections of `http` and ends those whose clients are idle. */
  watch(http: Server): void {
    http.maxConnections = 2 * this.maxConnections
    http.timeout = this.#idleMs / 2
    http.on('timeout', (socket) => this.of(socket).onSilence(this.#idleMs / 2))
    http.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      socket.once('close', () => this.sockets.delete(socket))
    })
    http.on(http instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.of(socket).isSurplus = this.sockets.size > this.maxConnections
    })
  }

  /** Returns the connection of a socket; a new one where the server is not watched, kept unless it is closed. */
  of(socket: Socket): Connection {
    const known = this.#connections.get(socket)
    if (known !== undefined) return known
    const connection = new Connection(socket)
    if (socket.destroyed) return connection
    this.#connections.set(socket, connection)
    socket.once('close', () => this.#connections.delete(socket))
    return connection
  }

  /** Makes every answer from now on the last one on its connection. */
  drain(): void {
    this.#isDraining = true
    for (const { unfinished } of this.#connections.values()) {
      for (const exchange of unfinished) exchange.endConnection()
    }
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Connections that requests may come from. */
  get size(): number {
    return this.#connections.size
  }

  entries(): Iterable<[Socket, Connection]> {
    return this.#connections
  }
}
