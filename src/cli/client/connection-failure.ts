import { RemoteError } from './remote-error.ts'

/** Failures of the connection after which another attempt makes sense. */
const TRANSIENT = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN'])

/** Failures of the connection that another attempt does not cure, and what they mean. */
const LASTING: Record<string, string> = {
  ENOTFOUND: 'there is no host of that name',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  EADDRNOTAVAIL: 'there is no such address',
  EINVAL: 'there is no such address',
}

const UNTRUSTED = 'its certificate is signed by no authority that is known here; --cacert names one'

/** Certificates that are refused, and what to do. */
const CERTIFICATES: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; is the clock right?',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
}

/**
 * The `RemoteError` for a failure of the connection; returns any other error as it is.
 * @param isUnreachable Whether no answer had begun.
 */
export function connectionFailure(
  error: unknown,
  { origin, protocol, host }: URL,
  isUnreachable: boolean,
): unknown {
  const code = codeOf(error)
  if (code === undefined || isOfFile(error)) return error
  const failure = (why: string, isTransient = false) =>
    new RemoteError('unavailable', why, { isTransient, isUnreachable, cause: error })
  if (TRANSIENT.has(code)) {
    const isTold = error instanceof Error && error.message !== ''
    const why = isTold ? error.message : code
    const hint = isUnanswered(error) && protocol === 'http:' ? ` (does it speak https?)` : ''
    return failure(`no answer from ${origin}: ${why}${hint}`, true)
  }
  if (Object.hasOwn(LASTING, code)) return failure(`no answer from ${origin}: ${LASTING[code]}`)
  if (Object.hasOwn(CERTIFICATES, code)) {
    return failure(
      `${origin} cannot be trusted: ${CERTIFICATES[code]} (--insecure accepts any certificate)`,
    )
  }
  if (code.startsWith('HPE_')) return failure(`${origin} speaks no HTTP; does it speak https?`)
  if (protocol === 'https:' && /^(?:ERR_SSL_|EPROTO)/.test(code)) {
    return failure(`${origin} speaks no TLS that is understood here; is it http://${host}?`)
  }
  return error
}

/** Whether the connection was closed before a byte came, as a TLS server does with plain HTTP. */
function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === 'socket hang up'
}

/** Whether it is about a local file: those errors have the same codes. */
function isOfFile(error: unknown): boolean {
  const { syscall } = error as NodeJS.ErrnoException
  return (
    syscall !== undefined &&
    /^(?:open|read|stat|lstat|scandir)$/.test(syscall) &&
    'path' in (error as object)
  )
}

/** Node reports several failed addresses as one error that holds the others. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}
