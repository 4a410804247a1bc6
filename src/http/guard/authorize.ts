import type { Exchange } from '../exchange/exchange.ts'
import { HttpProblem } from '../problem.ts'
import { accessTo } from './access.ts'
import { Tokens, tokenOf } from './tokens.ts'

export interface AccessOptions {
  /** A request with one of these may read and write. Default none. */
  tokens?: readonly string[]
  /** A request with one of these may read. Default none; with these alone no request may write. */
  readTokens?: readonly string[]
  /** Reading files needs no token. Default false. */
  publicRead?: boolean
}

/** Two fields, since some clients understand only the first scheme in one. */
const CHALLENGE = { 'WWW-Authenticate': ['Bearer realm="blobcached"', 'Basic realm="blobcached"'] }

/**
 * Lets requests pass that may do what they ask, before a byte of the body is read.
 * @throws {HttpProblem} that says what is missing.
 */
export type Authorize = (exchange: Exchange) => void

/** Returns `undefined` where no request needs a token. */
export function createAuthorize(options: AccessOptions): Authorize | undefined {
  const writers = new Tokens(options.tokens)
  const readers = new Tokens(options.readTokens)
  if (writers.size + readers.size === 0) return undefined
  const free = new Set(options.publicRead ? ['open', 'read'] : ['open'])

  return ({ method, path, headers }) => {
    const access = accessTo(method, path)
    if (free.has(access)) return
    const token = tokenOf(headers.authorization ?? '')
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
