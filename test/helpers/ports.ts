import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below the ephemeral ports: Linux has them from 32,768, others from 49,152 (RFC 6335). */
const FIRST = 20_000
const COUNT = 12_000

let next = Math.floor(Math.random() * COUNT)

/** What holds the ports of this process. */
const held = new Map<number, Socket>()

/**
 * Returns a free loopback TCP port, for a program that is started later or more than once. No other test
 * process gets it until this process ends, or `releasePort`: it holds the UDP port of the same number, which the system
 * frees even after a crash.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < COUNT; tries++) {
    const port = FIRST + (next++ % COUNT)
    if (!(await reserve(port))) continue
    if (await isUnused(port)) return port
    releasePort(port)
  }
  throw new Error(`no port from ${FIRST} to ${FIRST + COUNT - 1} is free`)
}

/** Lets other tests have a port that no client of this one looks for any more. */
export function releasePort(port: number): void {
  held.get(port)?.close()
  held.delete(port)
}

/** Reserves the port; returns whether it was free. */
async function reserve(port: number): Promise<boolean> {
  const socket = createSocket('udp4').unref()
  try {
    socket.bind({ port, address: '127.0.0.1', exclusive: true })
    await once(socket, 'listening')
    held.set(port, socket)
    return true
  } catch {
    socket.close()
    return false
  }
}

async function isUnused(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return true
  } catch {
    return false
  }
}
