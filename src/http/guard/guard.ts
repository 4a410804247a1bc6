import type { Middleware } from 'koa'
import { checkAdmission, UploadSlots } from './admission.ts'
import { type AccessOptions, createAuthorize } from './authorize.ts'
import { refuseOtherSites } from './cross-site.ts'

export interface GuardOptions {
  /** What a request may do with which token. Default: every request may do anything. */
  access?: AccessOptions
  /** Web sites whose pages may use the server, as in `https://example.org`, or `*`. Default none. */
  corsOrigins?: readonly string[]
  /** Requests with a body that are worked on at once; more are 503. Default 512. */
  maxUploads?: number
}

/** Refuses what may not or cannot be done, before a byte of the body is read. */
export function guard({
  access = {},
  corsOrigins = [],
  maxUploads = 512,
}: GuardOptions): Middleware {
  const authorize = createAuthorize(access)
  const origins = new Set(corsOrigins)
  const uploads = new UploadSlots(maxUploads)
  return ({ exchange }, next) => {
    refuseOtherSites(exchange, origins)
    authorize?.(exchange)
    checkAdmission(exchange)
    return exchange.hasBody ? uploads.use(next) : next()
  }
}
