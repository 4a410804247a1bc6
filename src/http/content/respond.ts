import type { ByteRange, PreparedRead } from '../../index.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { Fields } from '../fields/content.ts'

/** Bytes as they are, or bytes of the file. */
export type Segment = Buffer | ByteRange

/** A 200 or 206, and what it carries. */
export interface Content {
  readonly status: 200 | 206
  readonly fields: Fields
  readonly segments: readonly Segment[]
}

/**
 * Sends the bytes that were prepared, and returns when they have left. What is lost in the middle cuts the
 * connection: no client takes the part for the whole. When it rejects and no headers were sent,
 * nothing was promised yet and the error can still be told.
 */
export async function respond(
  exchange: Exchange,
  content: Content,
  read: PreparedRead,
): Promise<void> {
  const held = heldParts(read, content.segments)
  if (held !== undefined) return respondHeld(exchange, content, held)
  await untilSent(exchange, () => stream(exchange, content, read))
}

/** As `respond`, of bytes that are all in memory. */
export async function respondHeld(
  exchange: Exchange,
  head: Omit<Content, 'segments'>,
  parts: readonly Buffer[],
): Promise<void> {
  await untilSent(exchange, () => sendAll(exchange, head, parts))
}

async function untilSent(exchange: Exchange, send: () => Promise<void> | void): Promise<void> {
  try {
    const sending = send()
    if (sending !== undefined) await sending
    await exchange.sent()
  } catch (error) {
    // Before the memory of the bytes is used again: nothing of it may be sent any more.
    if (exchange.res.headersSent) exchange.res.destroy()
    throw error
  }
}

/** All there is to send, if it is in memory. */
function heldParts(read: PreparedRead, segments: readonly Segment[]): Buffer[] | undefined {
  const parts: Buffer[] = []
  for (const segment of segments) {
    const held = 'start' in segment ? read.held(segment) : [segment]
    if (held === undefined) return undefined
    parts.push(...held)
  }
  return parts
}

/** In one go: waiting would free no memory. */
function sendAll(
  exchange: Exchange,
  { status, fields }: Omit<Content, 'segments'>,
  parts: readonly Buffer[],
): void {
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
  { status, fields, segments }: Content,
  read: PreparedRead,
): Promise<void> {
  const { res } = exchange
  const write = (bytes: Buffer) => {
    if (!res.headersSent) exchange.writeHead(status, fields)
    return exchange.write(bytes)
  }
  for (const segment of segments) {
    if ('start' in segment) await read.send(segment, write)
    else await write(segment)
  }
  if (!res.headersSent) exchange.writeHead(status, fields)
  res.end()
}
