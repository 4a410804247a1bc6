import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context, Middleware } from 'koa'
import { StreamPieces } from '../stream-pieces.ts'

/** What an answered request may still send before its connection is cut: bytes, milliseconds. */
const LINGER = { bytes: 64 * 1024 * 1024, ms: 5000 }

/**
 * The body, which a client that sent `Expect: 100-continue` is asked for when the first piece is
 * wanted: until then all that needs no body has been checked. An error in the middle leaves the
 * socket open, for the answer that says why.
 */
export function bodyOf(request: Request): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () => {
      askForBody(request)
      return new StreamPieces(request.req)
    },
  }
}

/** Sends the 100 that a client may be waiting for. */
export function askForBody({ req, res }: Request): void {
  if (waiting.delete(req)) res.writeContinue()
}

interface Request {
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

/** Bytes that the body will have, where the client says so. */
export function contentLength(req: IncomingMessage): number | undefined {
  const length = req.headers['content-length']
  return length === undefined ? undefined : Number(length)
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** Whether the body is coded in a way that nobody here decodes: RFC 9112, 6.1, has nothing but chunks taken for granted. */
export function isCoded({ headers }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']
  return coding !== undefined && coding.trim().toLowerCase() !== 'chunked'
}

/** Notes that the client waits for a 100 before it sends its body. */
export function expectsContinue(req: IncomingMessage): void {
  waiting.add(req)
}

/** Whether the client still waits for a 100: nothing of its body is on the way. */
export function isWaitingForContinue(req: IncomingMessage): boolean {
  return waiting.has(req)
}

const waiting = new WeakSet<IncomingMessage>()

/** Whatever a request was answered with, what is left of its body stands in nobody's way. */
export const discardUnread: Middleware = async (ctx, next) => {
  try {
    await next()
  } finally {
    if (!ctx.req.complete) discardRest(ctx)
  }
}

/**
 * Reads on without keeping anything, so that a client that is still sending gets to see the
 * answer instead of a reset; not for ever.
 */
function discardRest({ req, res }: Context): void {
  if (req.destroyed) return
  const cut = () => req.socket.destroy()
  if (waiting.has(req)) {
    // Whether the body comes nevertheless, nobody can know: what follows could be anything.
    if (res.headersSent) res.once('finish', () => req.socket.destroySoon())
    else res.setHeader('Connection', 'close')
    return
  }
  let left = LINGER.bytes
  let timer: NodeJS.Timeout | undefined
  const limitTime = () => {
    timer = setTimeout(cut, LINGER.ms).unref()
  }
  if (res.writableFinished) limitTime()
  else res.once('finish', limitTime)
  req.once('close', () => clearTimeout(timer))
  req.on('data', (piece: Buffer) => {
    left -= piece.length
    if (left < 0) cut()
  })
  req.resume()
}
