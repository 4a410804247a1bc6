/** What went wrong, in one word that never changes; over HTTP it is the `reason`. */
export type ErrorCode =
  | 'not-found'
  | 'evicted'
  | 'corrupt'
  | 'exists'
  | 'precondition-failed'
  | 'digest-mismatch'
  | 'bad-request'
  | 'too-large'
  | 'range-not-satisfiable'
  | 'insufficient-storage'
  | 'unavailable'

export interface ErrorDetails {
  /** What there should have been, for a person to read. */
  expected?: string
  /** What there was instead. */
  actual?: string
  cause?: unknown
}

/** Everything that blobcached rejects with on purpose; tell them apart by `code`. */
export abstract class BlobcachedError extends Error {
  abstract readonly code: ErrorCode
  readonly expected?: string
  readonly actual?: string

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    if (details.expected !== undefined) this.expected = details.expected
    if (details.actual !== undefined) this.actual = details.actual
  }
}

/** No link leads to such a file: it was never stored, or its link was evicted, expired or deleted. */
export class NotFoundError extends BlobcachedError {
  readonly code = 'not-found'
}

/** The link is there, but at least one chunk is gone. */
export class EvictedError extends BlobcachedError {
  readonly code = 'evicted'
}

/** A link or a chunk is there, but it is not what was stored. */
export class CorruptError extends BlobcachedError {
  readonly code = 'corrupt'
}

/** Create-only, and a readable file has that name already. */
export class ExistsError extends BlobcachedError {
  readonly code = 'exists'
}

/** The file that has the name now is not the one the caller said it would be. */
export class PreconditionFailedError extends BlobcachedError {
  readonly code = 'precondition-failed'
}

/** The bytes do not have the digest that the caller said they have. */
export class DigestMismatchError extends BlobcachedError {
  readonly code = 'digest-mismatch'
}

/** An argument or a setting that can never work. */
export class InvalidArgumentError extends BlobcachedError {
  readonly code = 'bad-request'
}

/** More bytes than a limit allows. */
export class TooLargeError extends BlobcachedError {
  readonly code = 'too-large'
}

/** The file has no byte in that range. */
export class RangeNotSatisfiableError extends BlobcachedError {
  readonly code = 'range-not-satisfiable'
}

/** Chunks vanished before their upload finished: the engine is smaller than the file. */
export class InsufficientStorageError extends BlobcachedError {
  readonly code = 'insufficient-storage'
}

/** The engine cannot be reached, or there is no room for one more request; try again later. */
export class UnavailableError extends BlobcachedError {
  readonly code = 'unavailable'
  /** Seconds after which another try makes sense. */
  readonly retryAfter: number

  constructor(message: string, details: ErrorDetails & { retryAfter?: number } = {}) {
    super(message, details)
    this.retryAfter = details.retryAfter ?? 1
  }
}
