import type { ErrorCode } from '../errors.ts'

interface ReasonFacts {
  /** HTTP status. */
  readonly status: number
  /** The `title` of the problem. */
  readonly title: string
  /** Exit code of the command line. Default: 1. */
  readonly exit?: number
}

/** Every reason for which a request fails: the codes of the library's errors, and those of HTTP. */
const FACTS = {
  'not-found': { status: 404, title: 'There is no such file', exit: 3 },
  evicted: { status: 404, title: 'Part of the file is gone', exit: 3 },
  corrupt: { status: 404, title: 'The file is damaged', exit: 4 },
  exists: { status: 409, title: 'There is such a file already' },
  'precondition-failed': { status: 412, title: 'The file is not the one that was expected' },
  'digest-mismatch': { status: 400, title: 'The bytes do not have that digest' },
  'bad-request': { status: 400, title: 'The request cannot be understood', exit: 2 },
  unauthorized: { status: 401, title: 'A token is needed' },
  forbidden: { status: 403, title: 'That is not allowed' },
  'no-such-route': { status: 404, title: 'There is nothing at this path' },
  'method-not-allowed': { status: 405, title: 'This path does not have that method' },
  'too-large': { status: 413, title: 'The file is too large' },
  'range-not-satisfiable': { status: 416, title: 'The file does not have these bytes' },
  'insufficient-storage': { status: 507, title: 'The cache has no room for the file' },
  unavailable: { status: 503, title: 'Try again later', exit: 5 },
  'origin-failed': { status: 502, title: 'The origin of the file does not give it' },
  'origin-timeout': { status: 504, title: 'The origin of the file is too slow' },
  'unsupported-media-type': { status: 415, title: 'The body has a type that is not supported' },
  'uri-too-long': { status: 414, title: 'The URL is too long' },
  'header-too-large': { status: 431, title: 'The header is too large' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  'expectation-failed': { status: 417, title: 'The expectation cannot be met' },
  internal: { status: 500, title: 'An unexpected error occurred' },
} as const satisfies Record<ErrorCode, ReasonFacts> & Record<string, ReasonFacts>

export type Reason = keyof typeof FACTS
export type ProblemStatus = (typeof FACTS)[Reason]['status']

export const REASONS: Readonly<Record<Reason, ReasonFacts & { status: ProblemStatus }>> = FACTS
