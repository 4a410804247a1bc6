import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'

/** What is still read of a client that was answered: bytes in all, milliseconds in all and without a byte. */
const LIMITS = { bytes: 64 * 1024 * 1024, ms: 30_000, quietMs: 5000 }

/**
 * Closes a connection in stages (RFC 9112, 9.6): sends what is left to send and a FIN, reads on until the
 * client closes its side as well, and then closes. With bytes unread, closing at once would reset the
 * connection, and the client could lose the answer. Nothing more that arrives counts as a request.
 */
export function closeInStages(socket: Socket): void {
  if (socket.destroyed) return
  socket.destroySoon = () => {}
  socket.end()
  socket.resume() // The body may have been paused, and only node:http reads on after that, in the next tick.
  process.nextTick(() => {
    // Its parser reads past the socket until another listener wants the data.
    socket.removeAllListeners('data')
    discard(socket, socket)
  })
}

/** Reads on without keeping anything. Cuts the connection when more comes than is allowed, or it takes too long. */
export function discard(stream: Readable, socket: Socket): void {
  const cut = () => {
    // A socket that was ended meanwhile is read by `closeInStages`, with limits of its own.
    if (stream === socket || socket.writable) socket.destroy()
  }
  let left = LIMITS.bytes
  const deadline = setTimeout(cut, LIMITS.ms).unref()
  const silence = setTimeout(cut, LIMITS.quietMs).unref()
  stream.on('data', (piece: Buffer) => {
    left -= piece.length
    if (left < 0) cut()
    else silence.refresh()
  })
  const over = () => {
    clearTimeout(deadline)
    clearTimeout(silence)
    socket.off('close', over)
  }
  stream.once('end', over)
  socket.once('close', over)
  stream.resume()
}
