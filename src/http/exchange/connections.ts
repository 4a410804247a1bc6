import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { Connection } from './connection.ts'

/** Milliseconds between two looks at the pace of clients. */
const LOOK_MS = 500
/**
 * Bytes of memory that all requests which wait for their turn on their connections may take: some 3,000, whose
 * end, when their clients leave, takes a quarter of a second.
 */
const MAX_BACKLOG = 24 * 1024 * 1024

export interface ConnectionLimits {
  /**
   * Connections whose requests are answered; those of others are 503. Twice as many are accepted, so
   * that they can be told. Default 4,096.
   */
  maxConnections?: number | undefined
  /** Milliseconds that a client may send or take nothing when it is its turn. 0 is for ever. Default 60,000. */
  idleTimeoutMs?: number | undefined
  /**
   * Bytes a second that a client has to send or take when it is its turn, over three seconds, while other requests
   * wait for memory: slower ones lose their place. 0 is none. Default 4,096.
   */
  minRate?: number | undefined
}

/** The connections of a server, each with its requests under way. */
export class Connections {
  readonly maxConnections: number
  /** All sockets, those in a TLS handshake too. */
  readonly sockets = new Set<Socket>()
  /** By the socket that requests come from: over TLS, the one inside. */
  readonly #connections = new Map<Socket, Connection>()
  readonly #idleMs: number
  readonly #minRate: number
  #backlog = 0
  #isDraining = false

  constructor(limits: ConnectionLimits = {}) {
    const { maxConnections = 4096, idleTimeoutMs = 60_000, minRate = 4096 } = limits
    this.#minRate = minRate
    this.maxConnections = maxConnections
    this.#idleMs = idleTimeoutMs
  }

  /** Counts the connections of `http` and ends those whose clients are idle. */
  watch(http: Server): void {
    http.timeout = this.#idleMs / 2
    http.on('timeout', (socket) => this.of(socket).onSilence(this.#idleMs / 2))
    http.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      // Not `maxConnections` of node:net: a worker of a cluster hands what is too much back, for ever.
      if (this.sockets.size > 2 * this.maxConnections) socket.destroy()
      socket.once('close', () => this.sockets.delete(socket))
    })
    http.on(http instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.of(socket).isSurplus = this.sockets.size > this.maxConnections
    })
  }

  /** Looks again and again whether requests wait for memory, and then has slow clients make room until `http` closes. */
  watchPace(http: Server, isAnyWaiting: () => boolean): void {
    if (this.#minRate === 0) return
    let wasAnyWaiting = false
    const look = () => {
      const isWaiting = isAnyWaiting()
      for (const connection of isWaiting || wasAnyWaiting ? this.#connections.values() : []) {
        if (isWaiting) connection.checkPace(this.#minRate)
        else connection.resetPace()
      }
      wasAnyWaiting = isWaiting
    }
    const timer = setInterval(look, LOOK_MS).unref()
    http.once('close', () => clearInterval(timer))
  }

  /** Returns the connection of a socket; a new one where the server is not watched, kept unless it is closed. */
  of(socket: Socket): Connection {
    const known = this.#connections.get(socket)
    if (known !== undefined) return known
    const connection = new Connection(socket, this.#onBacklog)
    if (socket.destroyed) return connection
    this.#connections.set(socket, connection)
    socket.once('close', () => this.#connections.delete(socket))
    return connection
  }

  /** Ends the connection whose client sent the most requests ahead, when all together are too many. */
  readonly #onBacklog = (change: number): void => {
    this.#backlog += change
    if (this.#backlog <= MAX_BACKLOG) return
    let greediest: Connection | undefined
    for (const each of this.#connections.values()) {
      if (greediest === undefined || each.backlog > greediest.backlog) greediest = each
    }
    greediest?.dropBacklog()
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
