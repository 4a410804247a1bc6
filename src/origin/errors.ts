import type { Reason } from '../api/reasons.ts'

/** The origin did not give what it was asked for; nothing of it was stored. */
export class OriginError extends Error {
  override readonly name = 'OriginError'
  readonly reason: Extract<Reason, 'origin-failed' | 'origin-timeout'>
  /** Seconds after which the origin wants to be asked again, where it says so. */
  readonly retryAfter: number | undefined
  /** Whether `stale-if-error` is for it (RFC 5861, 4): for what the client would get as 502 or 504, unless the origin refuses the file. */
  readonly allowsStale: boolean
  /** Bytes of the file, where it has too many. */
  readonly size: number | undefined

  constructor(
    reason: OriginError['reason'],
    message: string,
    { cause, retryAfter, allowsStale = true, size }: OriginErrorOptions = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.reason = reason
    this.retryAfter = retryAfter
    this.allowsStale = allowsStale
    this.size = size
  }
}

interface OriginErrorOptions {
  cause?: unknown
  retryAfter?: number | undefined
  allowsStale?: boolean
  size?: number | undefined
}

/** The origin says of a version that is not the one which was asked for that it is unchanged. */
export class OtherVersionError extends OriginError {
  constructor() {
    super('origin-failed', 'the origin says of another version that it is unchanged')
  }
}
