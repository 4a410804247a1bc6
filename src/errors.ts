/** Tells what went wrong and never changes; over HTTP it is the `reason`. */
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
  /** What was expected, for a person to read. */
  expected?: string
  /** What was found instead. */
  actual?: string
  cause?: unknown
}

/** The base of all errors that the library throws; tell them apart by `code`. */
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

/** There is no link: the file was never stored, or its link was evicted, has expired or was deleted. */
export class NotFoundError extends BlobcachedError {
  readonly code = 'not-found'
}

/** The link is there, but at least one chunk is gone. */
export class EvictedError extends BlobcachedError {
  readonly code = 'evicted'
}

/** A link or a chunk is there and is not what was stored. */
export class CorruptError extends BlobcachedError {
  readonly code = 'corrupt'
}

/** A readable file has the name already, and `createOnly` was set. */
export class ExistsError extends BlobcachedError {
  readonly code = 'exists'
}

/** The file that has the name now is not the one that the caller expects. */
export class PreconditionFailedError extends BlobcachedError {
  readonly code = 'precondition-failed'
}

/** The bytes do not have the digest that the caller announced. */
export class DigestMismatchError extends BlobcachedError {
  readonly code = 'digest-mismatch'
}

/** An argument or a setting is wrong; the same call fails each time. */
export class InvalidArgumentError extends BlobcachedError {
  readonly code = 'bad-request'
}

/** There are more bytes than a limit allows. */
export class TooLargeError extends BlobcachedError {
  readonly code = 'too-large'
}

/** The file does not have the bytes of that range. */
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
  /** Seconds to wait before the next try. Default 1. */
  readonly retryAfter: number

  constructor(message: string, details: ErrorDetails & { retryAfter?: number } = {}) {
    super(message, details)
    this.retryAfter = details.retryAfter ?? 1
  }
}
