import cluster from 'node:cluster'
import { setFlagsFromString } from 'node:v8'
import type { Logger } from 'pino'

/** Milliseconds that writing the last lines of the log may take. */
const FLUSH_MS = 1000

const EXIT_CODES: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 }

/** The first signal drains, the second one ends the process. Workers are stopped by the primary. */
export function stopOnSignal(stop: () => Promise<void>, logger: Logger): void {
  let isStopping = false
  const onSignal = (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(EXIT_CODES[signal])
    isStopping = true
    logger.info({ signal }, 'stops: finishes what is under way')
    stop().then(
      () => {
        logger.info('stopped')
        exitFlushed(logger, 0)
      },
      (error) => {
        logger.fatal({ err: error }, 'could not stop cleanly')
        exitFlushed(logger, 1)
      },
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', cluster.isWorker ? () => {} : onSignal)
}

/** What SIGHUP reads again. */
export interface Reload {
  /** What it is, for the log. */
  readonly what: string
  /** Uses the new one and returns what to log of it. @throws {Error} when it is not valid; the old one stays. */
  take(): object
}

/** Reads everything again on SIGHUP; with nothing to read it is logged and changes nothing. */
export function reloadOnHangup(reloads: readonly Reload[], logger: Logger): void {
  process.on('SIGHUP', () => {
    if (reloads.length === 0) logger.info('SIGHUP: there is nothing to read again')
    for (const { what, take } of reloads) {
      try {
        logger.info(take(), `uses the new ${what}`)
      } catch (error) {
        const { message } = error as Error
        logger.error({ error: message }, `keeps the old ${what}: the new one cannot be used`)
      }
    }
  })
}

/** Logs an unexpected error and ends the process, whose state may be broken; a supervisor restarts it. */
export function endOnCrash(logger: Logger): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.once(event, (error: unknown) => {
      logger.fatal({ err: error, event }, 'crashed')
      exitFlushed(logger, 1)
    })
  }
}

/** Ends the process once the log is written. */
function exitFlushed(logger: Logger, code: number): void {
  const exit = () => process.exit(code)
  logger.flush(exit)
  setTimeout(exit, FLUSH_MS)
}

/**
 * Lets V8's heap grow to four times its live size between full collections. The bytes of files are
 * outside of the heap, but V8 counts them: uploads would trigger ten full collections a second.
 */
export function collectLessOften(): void {
  setFlagsFromString('--heap-growing-percent=300')
}
