import type { Context } from 'koa'
import { AC_PATH, CAS_PATH, NX_PATH, TURBOREPO } from '../../../api/build-paths.ts'
import type { Reason } from '../../../api/reasons.ts'
import type { Dialect } from '../../problem.ts'

/**
 * How a build tool is told that something went wrong: a cache must never fail a build, and after a
 * miss every tool goes on. The reason says what it was nevertheless.
 */
export function buildDialect(ctx: Context): Dialect | undefined {
  const { path } = ctx
  if (path.startsWith('/files/')) return RUSH.test(ctx.get('User-Agent')) ? rush : undefined
  if (NX_PATH.test(path)) return nx
  if (TURBOREPO.any.test(path) || AC_PATH.test(path) || CAS_PATH.test(path)) return tolerant
  return undefined
}

/** Tools that go on after any answer to an upload, and warn of it. */
const tolerant: Dialect = {
  statusOf(reason, method) {
    return isRead(method) && reason === 'unavailable' ? 404 : undefined
  },
}

/** Nx ends the build for a read that is neither a hit nor a miss, and for an upload that is neither 200 nor 403. */
const nx: Dialect = {
  statusOf(reason, method) {
    if (reason === 'unauthorized') return 401
    if (isRead(method)) return reason === 'forbidden' ? 403 : 404
    return 403
  },
  isPlainText: true,
}

const RUSH = /^rush /

/**
 * Ends the build with an exit code of 1 after any upload that is not 2xx, and has no protocol of its
 * own to tell it by. 202 is noncommittal (RFC 9110, 15.3.3): it promises nothing to be kept.
 */
const rush: Dialect = {
  statusOf(reason, method) {
    if (isRead(method)) return reason === 'unavailable' ? 404 : undefined
    return reason === 'unavailable' || LACKS_ROOM.has(reason) ? 202 : undefined
  },
}

const LACKS_ROOM: ReadonlySet<Reason> = new Set(['insufficient-storage', 'too-large'])

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}
