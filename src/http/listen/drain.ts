import type { Server } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connections } from '../exchange/connections.ts'

/** Milliseconds between two looks at what is left. */
const LOOK_MS = 50
/** Milliseconds without a byte after which a connection is idle. */
const QUIET_MS = 500

/** `bytesRead` of a connection when it was looked at last, and since when, as `Date.now()`, it is that. */
interface Seen {
  readonly bytes: number
  readonly since: number
}

/**
 * Makes every answer the last one on its connection, goes on accepting for `graceMs`, then stops
 * listening and closes the connections on which nothing is under way and nothing arrives. What
 * is left `drainMs` after that is cut off. Node would close idle connections at once, even when a request is
 * on its way or an answer is still being sent, and wait without end for one that never sends any.
 */
export async function drain(
  http: Server,
  connections: Connections,
  { graceMs, drainMs }: { graceMs: number; drainMs: number },
): Promise<void> {
  connections.drain()
  await sleep(graceMs)
  const deadline = Date.now() + drainMs
  let isClosed = false
  const closed = new Promise<void>((resolve) => {
    // Not the close of node:http, which also destroys connections whose answer is complete but
    // not yet sent. In Bun there is no other.
    const { close } = http instanceof NetServer ? NetServer.prototype : http
    close.call(http, () => {
      isClosed = true
      resolve()
    })
  })
  const seen = new Map<Socket, Seen>()
  while (!isClosed && connections.size > 0 && Date.now() < deadline) {
    closeQuiet(connections, seen, Math.min(graceMs, QUIET_MS))
    await Promise.race([closed, sleep(LOOK_MS, undefined, { ref: false })])
  }
  for (const socket of connections.sockets) socket.destroy()
  await closed
  http.close() // Stops the timers of node:http as well.
}

function closeQuiet(connections: Connections, seen: Map<Socket, Seen>, quietMs: number): void {
  const now = Date.now()
  for (const [socket, { unfinished }] of connections.entries()) {
    const last = seen.get(socket)
    const isQuiet = unfinished.length === 0 && last?.bytes === socket.bytesRead
    if (!isQuiet) seen.set(socket, { bytes: socket.bytesRead, since: now })
    else if (now - last.since >= quietMs) socket.destroy()
  }
}
