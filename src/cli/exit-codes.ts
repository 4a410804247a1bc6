import { CommanderError } from 'commander'
import { BlobcachedError } from '../index.ts'
import { RemoteError } from './client/remote-error.ts'
import { InterruptedError } from './interruption.ts'

/** 0 done, 2 usage, 3 not there, 4 corrupt, 5 unreachable, 1 anything else. */
const BY_REASON: Record<string, number> = {
  'bad-request': 2,
  'not-found': 3,
  evicted: 3,
  corrupt: 4,
  unavailable: 5,
}

/** What was typed cannot be done, whatever the server says. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof UsageError) return 2
  if (error instanceof InterruptedError) return error.exitCode
  if (error instanceof ToldError) return error.exitCode
  if (error instanceof RemoteError) return BY_REASON[error.reason] ?? 1
  return error instanceof BlobcachedError ? (BY_REASON[error.code] ?? 1) : 1
}

/** A failure that the command's output has told of already. */
export class ToldError extends Error {
  override readonly name = 'ToldError'
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}
