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
  const { code = '', message } = error
  // TLS 1.3 tells of it when the client takes the connection for open already.
  if (CLIENT_CERTIFICATE.test(code)) {
    const text = `the server wants a client certificate that it trusts (tls.cert, tls.key): ${message}`
    return new ConnectionError('tls', text, error)
  }
  if (connected) return new ConnectionError('reset', `the connection broke: ${message}`, error)
  const isTls = code.startsWith('ERR_SSL') || code.includes('CERT')
  const failure = isTls ? 'tls' : (CODES[code] ?? 'connect-failed')
  const advice = ADVICE.find(([pattern]) => pattern.test(code))?.[1] ?? ''
  return new ConnectionError(failure, `no connection: ${message || code}${advice}`, error)
}

const CLIENT_CERTIFICATE =
  /_ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|HANDSHAKE_FAILURE|UNKNOWN_CA)$/

/** What to do about an error code of Node or of OpenSSL. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^(ENOTFOUND|EAI_AGAIN)$/, '; check the name of the host, and DNS'],
  [/^ECONNREFUSED$/, '; is memcached running, and does it listen at this address (-l, -p)?'],
  [
    /^ERR_SSL_(WRONG_VERSION|PACKET_LENGTH|RECORD_LAYER)/,
    '; the server speaks no TLS: leave it out',
  ],
  [/CERT|^UNABLE_TO/, '; name the authority that signed its certificate (tls.ca)'],
]

/** Returns the error of a server that answers a new connection with a refusal. */
export const connectionLimit = () =>
  new ConnectionError('connect-failed', 'memcached takes no more connections; raise its limit (-c)')

/** Returns the error that ends a connection on which memcached sent `what`. */
export const violation = (what: string) => new ConnectionError('protocol', `memcached sent ${what}`)
