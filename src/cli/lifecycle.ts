import cluster from 'node:cluster'
import type { Logger } from '../http/index.ts'

/** The first signal drains, a second one ends the process at once. A worker is told by its primary. */
export function stopOnSignal(stop: () => Promise<void>, logger: Logger): void {
  const onSignal = (signal: NodeJS.Signals) => {
    logger.info({ signal }, 'stops: takes no new work, finishes what is under way')
    process.removeAllListeners('SIGTERM').once('SIGTERM', () => process.exit(143))
    if (cluster.isPrimary) {
      process.removeAllListeners('SIGINT').once('SIGINT', () => process.exit(130))
    }
    stop().then(
      () => {
        logger.info({}, 'stopped')
        process.exit(0)
      },
      (error) => {
        logger.fatal({ err: error }, 'could not stop cleanly')
        process.exit(1)
      },
    )
  }
  process.once('SIGTERM', onSignal)
  if (cluster.isWorker) process.on('SIGINT', () => {})
  else process.once('SIGINT', onSignal)
}

/** What nobody foresaw may have left anything half done: say it and end, whoever runs this starts it anew. */
export function endOnCrash(logger: Logger): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.once(event, (error: unknown) => {
      logger.fatal({ err: error, event }, 'crashed')
      process.exit(1)
    })
  }
}
