import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino'
import type { EngineObserver, StoreObserver } from '../../index.ts'
import { textLines } from './log-text.ts'

/** Bytes that may wait to be written; lines beyond that are dropped, and counted. */
const MAX_WAITING = 8 * 1024 * 1024

/**
 * Logs to standard output. Call `flush` before the process ends.
 * @param format Default: text on a terminal, else JSON.
 */
export function createLogger(level: string, format?: string): Logger {
  const isText = (format ?? (process.stdout.isTTY ? 'text' : 'json')) === 'text'
  const to = (output: DestinationStream) =>
    pino(
      {
        level,
        base: { pid: process.pid },
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      output,
    )
  if (isText) return to(textLines(process.stdout))
  const output = standardOutput()
  const logger = to(output)
  tellLosses(logger, output)
  return logger
}

/** Logs how many lines were dropped, once there is room for that, at any level but silent. */
function tellLosses(logger: Logger, output: ReturnType<typeof destination>): void {
  const teller = logger.level === 'silent' ? logger : logger.child({}, { level: 'warn' })
  let lost = 0
  output.on('drop', () => lost++)
  output.on('drain', () => {
    if (lost === 0) return
    teller.warn({ lost }, 'lines before this one are missing: the log was not read in time')
    lost = 0
  })
}

function standardOutput(): ReturnType<typeof destination> {
  // With a minimum length, however small, `flush` waits for writes under way.
  const output = destination({ fd: 1, sync: false, minLength: 1, maxLength: MAX_WAITING })
  // It tries for ever when the reader is gone: the process would never end.
  output.flushSync = () => {}
  return output
}

/** Logs the few lines about the process itself, which `--log-level warn` shows too. */
export function announcer(logger: Logger): Logger {
  return logger.level === 'silent' ? logger : logger.child({}, { level: 'info' })
}

/** Logs records that are not what they say: some other program writes to this memcached. */
export function damageLog(logger: Logger): StoreObserver {
  return {
    manifestDisproved(hash) {
      logger.error({ hash }, 'a record lists chunks that are not the content of its hash')
    },
  }
}

/** Logs when a memcached is connected, when it is lost, and once what it cannot do or should do. */
export function connectionLog(logger: Logger): EngineObserver {
  return {
    connection(server, state, error) {
      if (state === 'up') logger.info({ server }, 'memcached is connected')
      else logger.warn({ server, error: error?.message }, 'memcached cannot be reached')
    },
    lacks(server, ability, without) {
      logger.warn({ server, lacks: ability }, `memcached does without: ${without}`)
    },
    advice(server, advice) {
      logger.warn({ server }, `memcached should be started in another way: ${advice}`)
    },
  }
}
