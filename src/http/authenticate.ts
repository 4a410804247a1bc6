import type { Middleware } from 'koa'
import { accessTo } from './access.ts'
import { HttpProblem } from './problem.ts'
import { Tokens, tokenOf } from './tokens.ts'

export interface AccessOptions {
  /** Whoever sends one of these may read and write. Default none. */
  tokens?: readonly string[]
  /** Whoever sends one of these may read. Default none; with these alone nobody may write. */
  readTokens?: readonly string[]
  /** Anyone may read files. Default false. */
  publicRead?: boolean
}

/** Two fields, since some clients understand only the first scheme in one. */
const CHALLENGE = { 'WWW-Authenticate': ['Bearer realm="blobcached"', 'Basic realm="blobcached"'] }

/**
 * Lets pass whoever may do what is asked, before a byte of the body is read.
 * @throws {HttpProblem} that says what is missing.
 */
export type Guard = (method: string, path: string, authorization: string | undefined) => void

/** `undefined` where anyone may do anything. */
export function createGuard(options: AccessOptions): Guard | undefined {
  const writers = new Tokens(options.tokens)
  const readers = new Tokens(options.readTokens)
  if (writers.size + readers.size === 0) return undefined
  const free = new Set(options.publicRead ? ['open', 'read'] : ['open'])

  return (method, path, authorization = '') => {
    const access = accessTo(method, path)
    if (free.has(access)) return
    const token = tokenOf(authorization)
    if (token === undefined) {
      throw new HttpProblem('unauthorized', 'send a token, as Bearer or as password', CHALLENGE)
    }
    const mayWrite = writers.has(token)
    const mayRead = readers.has(token)
    if (mayWrite || (mayRead && access !== 'write')) return
    if (mayRead) throw new HttpProblem('forbidden', 'this token may read, not write')
    throw new HttpProblem('unauthorized', 'this token is not known here', CHALLENGE)
  }
}

export function authenticate(guard: Guard): Middleware {
  return ({ method, path, req }, next) => {
    guard(method, path, req.headers.authorization)
    return next()
  }
}
