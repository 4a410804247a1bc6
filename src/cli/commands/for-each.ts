import pMap from 'p-map'
import type { Reason } from '../../api/reasons.ts'
import { RemoteError } from '../client/remote-error.ts'
import { exitCodeOf, ToldError } from '../exit-codes.ts'
import type { Report } from '../terminal/report.ts'

/**
 * Runs `work` for every item, `jobs` of them at a time. Prints each failure and goes on, unless the
 * server cannot be reached or the command was interrupted.
 * @throws {ToldError} at the end, with the highest of the exit codes. With one item, its failure.
 */
export async function forEach<T>(
  items: readonly T[],
  { jobs, signal, report }: { jobs: number; signal: AbortSignal; report: Report },
  work: (item: T) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = []
  let isOver = false
  const attempt = async (item: T) => {
    signal.throwIfAborted()
    try {
      await work(item)
    } catch (error) {
      signal.throwIfAborted()
      if (isOver) return // A consequence of the failure that ended the command.
      isOver = items.length === 1 || isFatal(error)
      if (isOver) throw error
      if (!(error instanceof ToldError)) report.error(error)
      failures.push(error)
    }
  }
  await pMap(items, attempt, { concurrency: jobs })
  if (failures.length === 0) return
  const exitCode = Math.max(...failures.map(exitCodeOf))
  throw new ToldError(`${failures.length} of ${items.length} failed`, exitCode)
}

/** Whether all other items would fail in the same way. */
function isFatal(error: unknown): boolean {
  if (exitCodeOf(error) === 5) return true
  return error instanceof RemoteError && FATAL.has(error.reason)
}

const FATAL = new Set<string>([
  'unauthorized',
  'forbidden',
  'insufficient-storage',
] satisfies Reason[])
