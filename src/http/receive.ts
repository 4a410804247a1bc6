import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { type FileStore, InvalidArgumentError, type PutOptions, type Receipt } from '../index.ts'
import { pathOfHash, pathOfName } from './paths.ts'
import { abortSignal } from './signal.ts'

/** What an answered request may still send before its connection is cut: bytes, milliseconds. */
const LINGER = { bytes: 64 * 1024 * 1024, ms: 5000 }

/** Streams the request's body into the store. Whatever it fails with, nothing leads to the bytes. */
export async function receive(
  ctx: Context,
  store: FileStore,
  options: PutOptions,
): Promise<Receipt> {
  const { req } = ctx
  const size = contentLength(req)
  try {
    return await store.put(bodyOf(req), {
      ...options,
      ...ttlOf(ctx),
      ...(size !== undefined && { size }),
      signal: abortSignal(ctx),
    })
  } catch (error) {
    discardRest(req)
    throw error
  }
}

/** The receipt as the answer to an upload, 201 where something new came to be. */
export function answerReceipt(ctx: Context, receipt: Receipt): void {
  const json = receiptJson(receipt)
  ctx.status = receipt.created ? 201 : 200
  ctx.set('Location', json.url)
  ctx.set('ETag', `"${receipt.hash}"`)
  ctx.body = json
}

export function receiptJson({ hash, size, chunks, name, type }: Receipt) {
  const url = name === undefined ? pathOfHash(hash) : pathOfName(name)
  return { hash, size, chunks, name, type, url }
}

/** An error in the middle must leave the socket open, for the answer that says why. */
function bodyOf(req: IncomingMessage): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => req.iterator({ destroyOnReturn: false }) }
}

function contentLength(req: IncomingMessage): number | undefined {
  const length = req.headers['content-length']
  return length === undefined ? undefined : Number(length)
}

export function ttlOf(ctx: Context): { ttl?: number } {
  const { ttl } = ctx.query
  if (ttl === undefined) return {}
  if (typeof ttl === 'string' && /^\d{1,10}$/.test(ttl)) return { ttl: Number(ttl) }
  throw new InvalidArgumentError('ttl is a whole number of seconds, 0 for no limit', {
    actual: String(ttl),
  })
}

/**
 * Reads on without keeping anything, so that a client that is still sending gets to see the
 * answer instead of a reset; not for ever.
 */
export function discardRest(req: IncomingMessage): void {
  if (req.readableEnded || req.destroyed) return
  let left = LINGER.bytes
  const cut = () => req.socket.destroy()
  const timer = setTimeout(cut, LINGER.ms).unref()
  req.once('close', () => clearTimeout(timer))
  req.on('data', (piece: Buffer) => {
    left -= piece.length
    if (left < 0) cut()
  })
  req.resume()
}
