import { CommanderError } from 'commander'
import { REASONS } from '../api/reasons.ts'
import { BlobcachedError } from '../errors.ts'
import { RemoteError } from './client/remote-error.ts'
import { InterruptedError } from './terminal/interruption.ts'

/** The arguments of the command make no sense. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** 0 done, 2 usage, 3 not there, 4 corrupt, 5 unreachable, 1 anything else. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof UsageError) return 2
  if (error instanceof InterruptedError) return error.exitCode
  if (error instanceof ToldError) return error.exitCode
  if (error instanceof RemoteError) return exitCodeFor(error.reason)
  return error instanceof BlobcachedError ? exitCodeFor(error.code) : 1
}

export function exitCodeFor(reason: string): number {
  return (REASONS as Record<string, { exit?: number }>)[reason]?.exit ?? 1
}

/** A failure that the command has printed already. */
export class ToldError extends Error {
  override readonly name = 'ToldError'
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}
