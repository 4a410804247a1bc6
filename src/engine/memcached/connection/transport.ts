import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls'
import type { Address } from '../address.ts'
import type { MemcachedSettings } from '../options.ts'

export interface TransportEvents {
  open(): void
  /** Returns where to read to next; called after each `data`. */
  buffer(): Buffer
  /** `length` bytes were read into the buffer. */
  data(length: number): void
  error(error: NodeJS.ErrnoException): void
  /** The other side will send no more, or the socket is gone. */
  end(): void
}

/** Opens a socket to `address`. What it reads goes straight to `events`, past Node's streams. */
export function openSocket(
  { address, tls }: Pick<MemcachedSettings, 'address' | 'tls'>,
  events: TransportEvents,
): Socket {
  const onread: OnReadOpts = {
    buffer: () => events.buffer(),
    callback: (length) => {
      events.data(length)
      return true
    },
  }
  const { target } = address
  // Two small writes under Nagle's algorithm would wait for the other side's delayed ACK.
  const options = { ...target, onread, noDelay: true, keepAlive: true }
  const socket = tls
    ? connectTls({ ...serverName(target), ...tls, ...options })
    : connectTcp(options)
  socket.once(tls ? 'secureConnect' : 'connect', () => events.open())
  socket.on('error', (error) => events.error(error))
  socket.on('end', () => events.end())
  socket.on('close', () => events.end())
  return socket
}

function serverName(target: Address['target']): TlsOptions {
  return 'host' in target && isIP(target.host) === 0 ? { servername: target.host } : {}
}
