import type { Context } from 'koa'
import { InvalidArgumentError, type StoredFile } from '../index.ts'
import { send } from './send.ts'
import { abortSignal } from './signal.ts'

/** By hash the content can never change; by name it must be asked about each time. */
export type AskedBy = 'name' | 'hash'

/** Answers GET and HEAD: the status is sent when everything it promises has been verified. */
export async function serveFile(ctx: Context, file: StoredFile, by: AskedBy): Promise<void> {
  describe(ctx, file, by)
  if (matchesEtag(ctx.get('If-None-Match'), file)) {
    ctx.status = 304
    return
  }
  const signal = abortSignal(ctx)
  ctx.set('Content-Type', file.type ?? 'application/octet-stream')
  ctx.set('Accept-Ranges', 'bytes')
  if (ctx.method === 'HEAD') {
    await file.probe(signal)
    succeed(ctx, 200, file.size)
    ctx.respond = false
    ctx.res.end()
    return
  }
  const whole = { start: 0, end: file.size }
  const read = await file.prepare([whole], { signal, verify: verifyOf(ctx) })
  try {
    succeed(ctx, 200, file.size)
    await send(ctx, read, whole)
  } finally {
    read.close()
  }
}

/** What holds for the file whatever part of it is sent, and for 304 too. */
function describe(ctx: Context, file: StoredFile, by: AskedBy): void {
  ctx.set('ETag', `"${file.hash}"`)
  ctx.set('Repr-Digest', `sha-256=:${file.digest.base64}:`)
  // Stored content can neither run as this site nor be taken for another type.
  ctx.set('X-Content-Type-Options', 'nosniff')
  ctx.set('Content-Security-Policy', 'sandbox')
  if (by === 'hash') {
    ctx.set('Cache-Control', 'public, max-age=31536000, immutable')
  } else {
    ctx.set('Cache-Control', 'no-cache')
    ctx.set('Last-Modified', file.storedAt.toUTCString())
  }
}

function succeed(ctx: Context, status: number, length: number): void {
  ctx.status = status
  ctx.set('Cache-Status', 'blobcached; hit')
  ctx.set('Content-Length', String(length))
  ctx.res.statusCode = status
}

/** RFC 9110, 13.1.2: "*", or a list of entity tags compared weakly. */
function matchesEtag(header: string, file: StoredFile): boolean {
  if (header === '') return false
  return header.split(',').some((tag) => {
    const trimmed = tag.trim()
    return trimmed === '*' || trimmed.replace(/^W\//, '') === `"${file.hash}"`
  })
}

function verifyOf(ctx: Context): 'full' | 'stream' {
  const verify = ctx.query.verify ?? 'full'
  if (verify === 'full' || verify === 'stream') return verify
  throw new InvalidArgumentError('verify is either full or stream', { actual: String(verify) })
}
