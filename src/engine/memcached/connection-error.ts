/** Why memcached did not answer. Stable: the words never change. */
export type Failure =
  /** No server listens at the address. */
  | 'refused'
  /** The name of the host has no address. */
  | 'unresolved'
  /** No connection, or no answer to its first questions, within `connectTimeoutMs`. */
  | 'connect-timeout'
  /** The TLS handshake failed; usually a certificate that is not trusted. */
  | 'tls'
  /** The credentials are wrong, or the server wants some and there are none. */
  | 'auth'
  /** Any other reason why there is no connection. */
  | 'connect-failed'
  /** Nothing was received for `timeoutMs`, or a response took longer than `responseCapMs`. */
  | 'timeout'
  /** The server ended the connection. */
  | 'closed'
  /** The connection broke. */
  | 'reset'
  /** The server sent what cannot be the response to what was asked. */
  | 'protocol'
  /** The server answered with an error of its own. */
  | 'server-error'
  /** The protocol that the server speaks has no such request. */
  | 'unsupported'
  /** Too many requests, or bytes, are waiting already. */
  | 'overloaded'
  /** The engine was closed. */
  | 'shutdown'

export class ConnectionError extends Error {
  readonly code: Failure

  constructor(code: Failure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ConnectionError'
    this.code = code
  }

  /** Whether the same request is likely to succeed at once over a new connection. */
  get retryable(): boolean {
    return this.code === 'closed' || this.code === 'reset' || this.code === 'protocol'
  }
}

const CODES: Record<string, Failure> = {
  ECONNREFUSED: 'refused',
  ENOENT: 'refused',
  ENOTFOUND: 'unresolved',
  EAI_AGAIN: 'unresolved',
}

/** Returns the error for an `error` event of a socket. */
export function fromSocketError(error: NodeJS.ErrnoException, connected: boolean): ConnectionError {
  if (connected)
    return new ConnectionError('reset', `the connection broke: ${error.message}`, error)
  const isTls = error.code?.startsWith('ERR_SSL') || error.code?.includes('CERT')
  const code = isTls ? 'tls' : (CODES[error.code ?? ''] ?? 'connect-failed')
  return new ConnectionError(code, `no connection: ${error.message || error.code}`, error)
}

/** Returns the error that ends a connection on which memcached sent `what`. */
export const violation = (what: string) => new ConnectionError('protocol', `memcached sent ${what}`)
