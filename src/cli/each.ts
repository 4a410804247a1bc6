import pMap from 'p-map'
import { RemoteError } from './client/remote-error.ts'
import { exitCodeOf, ToldError } from './exit-codes.ts'
import type { Report } from './report.ts'

/**
 * Does `work` for every item, `jobs` of them at a time. A failure is told of at once and stops
 * nothing but itself, unless the server is gone or the command was stopped.
 * @throws {ToldError} at the end, with the highest of the exit codes; the failure itself when there
 * was only one item.
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
      if (isOver) return // Cut off by the end of the command, which says why.
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

/** What will happen to all the others as well. */
function isFatal(error: unknown): boolean {
  if (exitCodeOf(error) === 5) return true
  return error instanceof RemoteError && FATAL.has(error.reason)
}

const FATAL = new Set(['unauthorized', 'forbidden', 'insufficient-storage'])
