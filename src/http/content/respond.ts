import type { ByteRange, PreparedRead } from '../../index.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { Fields } from '../fields/content.ts'

/** Bytes as they are, or bytes of the file. */
export type Segment = Buffer | ByteRange

/** Bytes as they are, or some that were prepared. */
export type Piece = Buffer | { readonly read: PreparedRead; readonly range: ByteRange }

interface Head {
  readonly status: 200 | 206
  readonly fields: Fields
}

/** A 200 or 206, and what it carries. */
export interface Content extends Head {
  readonly segments: readonly Segment[]
}

/**
 * Sends the bytes that were prepared, and returns when they have left. What is lost in the middle cuts the
 * connection: no client takes the part for the whole. When it rejects and no headers were sent,
 * nothing was promised yet and the error can still be told.
 */
export async function respond(
  exchange: Exchange,
  { segments, ...head }: Content,
  read: PreparedRead,
): Promise<void> {
  const pieces = segments.map((segment) =>
    'start' in segment ? { read, range: segment } : segment,
  )
  await respondAll(exchange, head, pieces)
}

/** As `respond`, of several reads. */
export async function respondAll(
  exchange: Exchange,
  head: Head,
  pieces: readonly Piece[],
): Promise<void> {
  try {
    const held = heldParts(pieces)
    if (held === undefined) await stream(exchange, head, pieces)
    else sendAll(exchange, head, held)
    await exchange.sent()
  } catch (error) {
    // Before the memory of the reads is used again: nothing of it may be sent any more.
    if (exchange.res.headersSent) exchange.res.destroy()
    throw error
  }
}

/** All there is to send, if it is in memory. */
function heldParts(pieces: readonly Piece[]): Buffer[] | undefined {
  const parts: Buffer[] = []
  for (const piece of pieces) {
    const held = 'read' in piece ? piece.read.held(piece.range) : [piece]
    if (held === undefined) return undefined
    parts.push(...held)
  }
  return parts
}

/** In one go: waiting would free no memory. */
function sendAll(exchange: Exchange, { status, fields }: Head, parts: readonly Buffer[]): void {
  const { res } = exchange
  exchange.writeHead(status, fields)
  res.cork()
  for (const part of parts.slice(0, -1)) res.write(part)
  res.end(parts.at(-1))
  res.uncork()
}

/** The head goes with the first bytes, which may be lost yet. */
async function stream(
  exchange: Exchange,
  { status, fields }: Head,
  pieces: readonly Piece[],
): Promise<void> {
  const { res } = exchange
  const write = (bytes: Buffer) => {
    if (!res.headersSent) exchange.writeHead(status, fields)
    return exchange.write(bytes)
  }
  for (const piece of pieces) {
    if ('read' in piece) await piece.read.send(piece.range, write)
    else await write(piece)
  }
  if (!res.headersSent) exchange.writeHead(status, fields)
  res.end()
}
