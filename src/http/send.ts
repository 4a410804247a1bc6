import type { ServerResponse } from 'node:http'
import type { ByteRange, PreparedRead } from '../index.ts'
import { type Fields, setFields } from './content-headers.ts'
import { ClientGoneError } from './signal.ts'

/** Bytes as they are, or bytes of the file. */
export type Segment = Buffer | ByteRange

/** What an answer begins with. */
export interface Head {
  readonly status: 200 | 206
  readonly fields: Fields
}

/**
 * Sends the head and the bytes that were prepared, and returns when they have left. What is lost in the
 * middle cuts the connection: no client takes the part for the whole. When it rejects and
 * no headers were sent, nothing was promised yet and the error can still be told.
 */
export async function send(
  res: ServerResponse,
  head: Head,
  read: PreparedRead,
  segments: readonly Segment[],
): Promise<void> {
  if (res.destroyed) throw new ClientGoneError()
  try {
    const held = heldParts(read, segments)
    if (held !== undefined) endWith(res, head, held)
    else await stream(res, head, read, segments)
    await whole(res)
  } catch (error) {
    if (res.headersSent) res.destroy()
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
function endWith(res: ServerResponse, head: Head, parts: readonly Buffer[]): void {
  res.writeHead(head.status, head.fields)
  res.cork()
  for (const part of parts.slice(0, -1)) res.write(part)
  res.end(parts.at(-1))
  res.uncork()
}

async function stream(
  res: ServerResponse,
  { status, fields }: Head,
  read: PreparedRead,
  segments: readonly Segment[],
): Promise<void> {
  res.statusCode = status // They go with the first bytes, which may be lost yet.
  setFields(res, fields)
  for (const segment of segments) {
    if ('start' in segment) await read.send(segment, (bytes) => written(res, bytes))
    else res.write(segment)
  }
  res.end()
}

/** Waits until all of it has left. */
function whole(res: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () => (res.writableFinished ? resolve() : reject(new ClientGoneError()))
    if (res.destroyed) onClose()
    else res.on('close', onClose)
  })
}

/** Writes the bytes and waits until they have left, but not for a client that is gone. */
function written(res: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new ClientGoneError())
    if (res.destroyed) return onClose()
    res.once('close', onClose)
    res.write(bytes, (error) => {
      res.off('close', onClose)
      if (error) onClose()
      else resolve()
    })
  })
}
