import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server as TlsServer } from 'node:tls'
import { unfinishedOn } from './answers.ts'

/** Milliseconds between two looks at what is left. */
const LOOK_MS = 50
/** Milliseconds of silence after which no request is on its way, at most. */
const QUIET_MS = 500

interface Use {
  /** `bytesRead` when it was looked at last, and since when, as `Date.now()`, it has been that. */
  seen: number
  since: number
}

/**
 * The connections of a server, for when it stops. Node would close idle ones at once, even when a
 * request is on its way or an answer is still being sent, and wait without end for one that never
 * sends any; this does neither.
 */
export class Connections {
  readonly #http: Server
  /** By the socket that requests come from: over TLS, the one inside. */
  readonly #uses = new Map<Socket, Use>()
  /** All there are, those in a TLS handshake too. */
  readonly #sockets = new Set<Socket>()
  #draining = false

  constructor(http: Server) {
    this.#http = http
    http.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    http.on(http instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#uses.set(socket, { seen: -1, since: 0 })
      socket.once('close', () => this.#uses.delete(socket))
    })
    http.on('request', (_req, res) => {
      if (this.#draining) announceClose(res)
    })
  }

  /**
   * Makes every answer the last one on its connection, goes on accepting for `graceMs`, then stops
   * listening and closes the connections on which nothing is under way and nothing arrives. What
   * is left after `drainMs` is cut off.
   */
  async drain(graceMs: number, drainMs: number): Promise<void> {
    const deadline = Date.now() + drainMs
    this.#draining = true
    for (const socket of this.#uses.keys()) unfinishedOn(socket).forEach(announceClose)
    if (this.#sockets.size > 0) await sleep(Math.min(graceMs, drainMs))
    let isClosed = false
    const closed = new Promise<void>((resolve) => {
      // Not the close of node:http, which also destroys connections whose answer is complete but
      // not yet sent.
      NetServer.prototype.close.call(this.#http, () => {
        isClosed = true
        resolve()
      })
    })
    while (this.#uses.size > 0 && !isClosed && Date.now() < deadline) {
      this.#closeQuiet(Math.min(graceMs, QUIET_MS))
      await Promise.race([closed, sleep(LOOK_MS, undefined, { ref: false })])
    }
    for (const socket of this.#sockets) socket.destroy()
    await closed
    this.#http.close() // Stops the timers of node:http as well.
  }

  #closeQuiet(quietMs: number): void {
    const now = Date.now()
    for (const [socket, use] of this.#uses) {
      const isQuiet = unfinishedOn(socket).length === 0 && use.seen === socket.bytesRead
      if (!isQuiet) Object.assign(use, { seen: socket.bytesRead, since: now })
      else if (now - use.since >= quietMs) socket.destroy()
    }
  }
}

function announceClose(res: ServerResponse): void {
  if (!res.headersSent) res.setHeader('Connection', 'close')
}
