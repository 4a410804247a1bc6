import cluster from 'node:cluster'
import type { Logger } from 'pino'

/** Milliseconds that the last lines of the log have to get out. */
const FLUSH_MS = 1000

const EXIT_CODES: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 }

/** The first signal drains, a second one ends the process at once. A worker is told by its primary. */
export function stopOnSignal(stop: () => Promise<void>, logger: Logger): void {
  let isStopping = false
  const onSignal = (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(EXIT_CODES[signal])
    isStopping = true
    logger.info({ signal }, 'stops: takes no new work, finishes what is under way')
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

/** What nobody foresaw may have left anything half done: say it and end, whoever runs this starts it anew. */
export function endOnCrash(logger: Logger): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.once(event, (error: unknown) => {
      logger.fatal({ err: error, event }, 'crashed')
      exitFlushed(logger, 1)
    })
  }
}

/** In the order in which they were logged, the last lines may still be on their way. */
function exitFlushed(logger: Logger, code: number): void {
  const exit = () => process.exit(code)
  logger.flush(exit)
  setTimeout(exit, FLUSH_MS)
}
