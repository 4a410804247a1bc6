import type { ServerResponse } from 'node:http'
import type { Context } from 'koa'
import type { ByteRange, PreparedRead } from '../index.ts'
import { ClientGoneError } from './signal.ts'

/** Bytes as they are, or bytes of the file. */
export type Segment = Buffer | ByteRange

/**
 * Sends the bytes that were prepared, after the headers that are set, and returns when they have
 * left. What is lost in the middle cuts the connection: no client takes the part for the whole.
 */
export async function send(
  ctx: Context,
  read: PreparedRead,
  segments: readonly Segment[],
): Promise<void> {
  ctx.respond = false
  const { res } = ctx
  try {
    for (const segment of segments) {
      if ('start' in segment) await sendRange(res, read, segment)
      else res.write(segment)
    }
    res.end()
    if (!res.writableFinished) await until(res, 'finish')
  } catch (error) {
    if (res.headersSent) res.destroy()
    else ctx.respond = true // Nothing was promised yet: the error can still be told.
    throw error
  }
}

async function sendRange(res: ServerResponse, read: PreparedRead, range: ByteRange) {
  const held = read.held(range)
  if (held === undefined) await writeAll(res, read, range)
  else writeHeld(res, held)
}

/** In one go: the bytes are in memory already, waiting would free none of it. */
function writeHeld(res: ServerResponse, parts: readonly Buffer[]): void {
  res.cork()
  for (const part of parts) res.write(part)
  res.uncork()
}

async function writeAll(res: ServerResponse, read: PreparedRead, range: ByteRange): Promise<void> {
  for await (const part of read.stream(range)) {
    if (res.destroyed) throw new ClientGoneError()
    const sent = (error?: Error | null) => {
      if (!error) read.recycle(part)
    }
    if (!res.write(part, sent)) await until(res, 'drain')
  }
}

/** Waits for `event`, but not for a client that is gone. */
function until(res: ServerResponse, event: 'drain' | 'finish'): Promise<void> {
  return new Promise((resolve, reject) => {
    if (res.destroyed) return reject(new ClientGoneError())
    const settle = (finish: () => void) => {
      res.off(event, onEvent)
      res.off('close', onClose)
      finish()
    }
    const onEvent = () => settle(resolve)
    const onClose = () => settle(() => reject(new ClientGoneError()))
    res.once(event, onEvent)
    res.once('close', onClose)
  })
}
