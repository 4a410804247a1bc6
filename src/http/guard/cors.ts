import cors from '@koa/cors'
import type { Middleware } from 'koa'
import { isOrigin } from '../../api/fields.ts'
import { InvalidArgumentError } from '../../index.ts'

/** What scripts may see of an answer beside what they always may. */
const EXPOSED = [
  'Accept-Ranges',
  'Cache-Status',
  'Content-Disposition',
  'Content-Length',
  'Content-Range',
  'Digest',
  'ETag',
  'Location',
  'Repr-Digest',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
]

const ONE_DAY = 86_400

/**
 * Lets pages of these web sites (`*`: of all) use the server, with tokens but never with cookies.
 * @throws {InvalidArgumentError} for what no browser sends as Origin.
 */
export function crossOrigin(origins: readonly string[]): Middleware {
  origins.forEach(checkOrigin)
  const allowed = new Set(origins)
  const origin = (ctx: { get(name: string): string }) =>
    allowed.has(ctx.get('Origin')) ? ctx.get('Origin') : ''
  return cors({
    origin: allowed.has('*') ? '*' : origin,
    allowMethods: ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'],
    exposeHeaders: EXPOSED,
    maxAge: ONE_DAY,
    keepHeadersOnError: false, // They stay on the answer: problems are written in the same context.
  })
}

function checkOrigin(origin: string): void {
  if (isOrigin(origin)) return
  throw new InvalidArgumentError(`not the origin of a web site: ${JSON.stringify(origin)}`, {
    expected: 'scheme://host, with :port unless it is the usual one and nothing after it, or *',
    actual: origin,
  })
}
