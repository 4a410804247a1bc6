import { readlinkSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { BlobcachedError } from '../../errors.ts'
import { RemoteError } from '../client/remote-error.ts'

/** What an error says to a person; of the system's errors the path and plain words. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { errno, path } = error as NodeJS.ErrnoException
  const words = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]
  if (words === undefined) return error.message
  return path === undefined ? words : `${path}: ${words}`
}

/** What an error is to a program: a reason of the server, a code of the system, or `failed`. */
export function reasonOf(error: unknown): string {
  if (error instanceof RemoteError) return error.reason
  const { code } = error as { code?: unknown }
  if (error instanceof BlobcachedError || typeof code === 'string') return String(code)
  return 'failed'
}

/** Adds the path to what the system says of a file that is open. */
export function withPath(path: string, error: unknown): unknown {
  const isOpen = error instanceof Error && 'errno' in error && !('path' in error)
  return isOpen ? Object.assign(error, { path }) : error
}

/** Standard output took no more: the disk is full, for example. */
export class OutputError extends Error {
  override readonly name = 'OutputError'
}

let outputFailure: Error | undefined

/**
 * Remembers that standard output failed. A reader such as `head` may stop reading early, which is no
 * failure.
 */
export function watchOutput(): void {
  process.stdout.on('error', (error) => {
    if (!isClosedPipe(error)) outputFailure ??= outputError(error)
  })
}

/** Whether the reader of standard output is gone, as `head` is when it has its lines. */
export function isClosedPipe(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EPIPE'
}

/** What a failed write to standard output means. */
export function outputError(error: Error): OutputError {
  return new OutputError(messageOf(withPath(outputPath(), error)), { cause: error })
}

/** @throws {OutputError} when something that was printed did not arrive. */
export function checkOutput(): void {
  if (outputFailure !== undefined) throw outputFailure
}

/** Resolves when all that was printed has arrived. */
export async function outputWritten(): Promise<void> {
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
  await new Promise((resolve) => setImmediate(resolve)) // The `error` event comes after.
  checkOutput()
}

/** Where standard output goes, for messages. */
function outputPath(): string {
  try {
    const path = readlinkSync('/proc/self/fd/1')
    return path.startsWith('/') ? path : 'standard output'
  } catch {
    return 'standard output'
  }
}
