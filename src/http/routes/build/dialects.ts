import type { Context } from 'koa'
import type { Dialect } from '../../problem.ts'
import { AC_PATH, CAS_PATH } from './bazel.ts'
import { NX_PATH } from './nx.ts'
import { TURBOREPO_PATH } from './turborepo.ts'

/**
 * How a build tool is told that something went wrong: a cache must never fail a build, and after a
 * miss every tool goes on. The reason says what it was nevertheless.
 */
export function buildDialect({ path }: Context): Dialect | undefined {
  if (NX_PATH.test(path)) return nx
  if (TURBOREPO_PATH.test(path) || AC_PATH.test(path) || CAS_PATH.test(path)) return tolerant
  return undefined
}

/** Tools that go on after any answer to an upload, and warn of it. */
const tolerant: Dialect = {
  statusOf(reason, method) {
    return isRead(method) && reason === 'unavailable' ? 404 : undefined
  },
}

/** Ends the build for whatever is neither a hit nor a miss, and for uploads neither 200 nor 403. */
const nx: Dialect = {
  statusOf(reason, method) {
    if (reason === 'unauthorized') return 401
    if (isRead(method)) return reason === 'forbidden' ? 403 : 404
    return 403
  },
  isPlainText: true,
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}
