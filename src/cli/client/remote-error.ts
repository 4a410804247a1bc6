/** What the server, or the way to it, answered instead of what was asked for. */
export class RemoteError extends Error {
  /** The server's `reason`; `unavailable` when nobody answered; `http-<status>` from a stranger. */
  readonly reason: string
  /** Whether the same request may well succeed a little later. */
  readonly isTransient: boolean
  /** Seconds that the server asks to wait. */
  readonly retryAfter: number

  constructor(
    reason: string,
    message: string,
    { isTransient = false, retryAfter = 0, cause }: RemoteErrorDetails = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'RemoteError'
    this.reason = reason
    this.isTransient = isTransient
    this.retryAfter = retryAfter
  }
}

interface RemoteErrorDetails {
  isTransient?: boolean
  retryAfter?: number
  cause?: unknown
}

/** Failures of the connection after which another attempt makes sense. */
const TRANSIENT = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
])
/** Failures that no other attempt will cure. */
const UNREACHABLE = new Set(['ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH'])

/** What a failure below HTTP means; whatever is not one is handed back as it is. */
export function connectionError(error: unknown, server: string): unknown {
  const code = codeOf(error)
  if (code === undefined || !(TRANSIENT.has(code) || UNREACHABLE.has(code))) return error
  const why = error instanceof Error && error.message !== '' ? error.message : code
  return new RemoteError('unavailable', `no answer from ${server}: ${why}`, {
    isTransient: TRANSIENT.has(code),
    cause: error,
  })
}

/** Node reports several failed addresses as one error that holds the others. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}
