import { setImmediate as othersTurn } from 'node:timers/promises'
import pMap from 'p-map'
import type { Reason } from '../../api/reasons.ts'
import { isOutage, RemoteError } from '../client/remote-error.ts'
import type { RemoteServer } from '../client/remote-server.ts'
import { exitCodeOf, ToldError } from '../exit-codes.ts'
import { isClosedPipe, OutputError } from '../terminal/failure.ts'
import type { Report } from '../terminal/report.ts'
import type { Listed } from '../transfer/list.ts'
import { type ConnectionOptions, withServer } from './connection.ts'

export interface ForEachOptions<T> {
  jobs: number
  signal: AbortSignal
  report: Report
  /** The item's name in messages. */
  labelOf: (item: T) => string
}

/**
 * Files in a row for which memcached did not answer, after which the others are not tried. Where one of two
 * memcacheds answers, so many in a row are rare.
 */
const MAX_OUTAGES = 20

/**
 * Runs `work` for every item, `jobs` of them at a time. Prints each failure with the item's name and goes
 * on, unless all others would fail in the same way or the command was interrupted.
 * @throws {ToldError} at the end, with the highest of the exit codes.
 */
export function forEach<T>(
  items: readonly T[],
  options: ForEachOptions<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  return forEachOf(alone(items), options, work)
}

/** As `forEach`, with the items of a group one after another, and `jobs` groups at a time. */
export async function forEachOf<T>(
  groups: Iterable<readonly T[]>,
  { jobs, signal, report, labelOf }: ForEachOptions<T>,
  work: (item: T, group: readonly T[]) => Promise<void>,
): Promise<void> {
  const failed = { count: 0, exitCode: 0 }
  let isOver = false
  let outages = 0
  const attempt = async (item: T, group: readonly T[]) => {
    signal.throwIfAborted()
    if (isOver) return
    isOver = outages >= MAX_OUTAGES
    if (isOver) throw endlessOutage()
    try {
      await work(item, group)
      outages = 0
    } catch (error) {
      signal.throwIfAborted()
      if (isOver) return // A consequence of the failure that ended the command.
      isOver = isFatal(error)
      if (isOver) report.failed(error, labelOf(item))
      if (isOver) throw error
      if (!(error instanceof ToldError)) report.error(error, labelOf(item))
      failed.count++
      failed.exitCode = Math.max(failed.exitCode, exitCodeOf(error))
      if (isOfServer(error)) outages = isOutage(error) ? outages + 1 : 0
    }
  }
  const oneByOne = async (group: readonly T[]) => {
    for (const item of group) await attempt(item, group)
  }
  await pMap(inTurns(groups), oneByOne, { concurrency: jobs })
  if (failed.count > 0) throw new ToldError(`${failed.count} failed`, failed.exitCode)
}

function* alone<T>(items: readonly T[]): Generator<[T]> {
  for (const item of items) yield [item]
}

/** Lets answers and signals in before the next item, since reading small files blocks. */
async function* inTurns<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) {
    yield item
    await othersTurn()
  }
}

/** Runs `work` with the server that the options name for every file that arguments and a list named, as `forEach` does. */
export function forEachListed(
  items: readonly Listed[],
  options: ConnectionOptions,
  { jobs, report }: Pick<ForEachOptions<Listed>, 'jobs' | 'report'>,
  work: (item: Listed, server: RemoteServer) => Promise<void>,
): Promise<void> {
  const labelOf = ({ name }: Listed) => name
  return withServer(options, report, (server) => {
    const { signal } = server
    return forEach(items, { jobs, signal, report, labelOf }, (item) => work(item, server))
  })
}

/** Whether all other items would fail in the same way. */
function isFatal(error: unknown): boolean {
  if (error instanceof OutputError || isClosedPipe(error)) return true
  return error instanceof RemoteError && (error.isUnreachable || FATAL.has(error.reason))
}

/** Whether it is what the server said of a file. */
function isOfServer(error: unknown): boolean {
  return error instanceof RemoteError || error instanceof ToldError
}

function endlessOutage(): RemoteError {
  const message = `${MAX_OUTAGES} files in a row failed like this; the rest was not tried`
  return new RemoteError('unavailable' satisfies Reason, message)
}

const FATAL = new Set<string>([
  'unauthorized',
  'forbidden',
  'insufficient-storage',
] satisfies Reason[])
