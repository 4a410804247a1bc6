import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino'
import type { EngineObserver } from '../index.ts'
import { textLines } from './log-text.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'silent']
export const LOG_FORMATS = ['json', 'text']

/** Bytes that may wait for whoever reads the log; lines beyond that are lost, and counted. */
const MAX_WAITING = 8 * 1024 * 1024

/**
 * Logs to standard output, one line each. `flush` before the process ends, for what still waits.
 * @param format Default: text for a person at a terminal, JSON for everything else.
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

/** Says how many lines are missing, once there is room for that; whatever the level. */
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
  // With a minimum, however small, `flush` waits for what is on its way.
  const output = destination({ fd: 1, sync: false, minLength: 1, maxLength: MAX_WAITING })
  // It tries for ever when nobody reads any more: the process would never end.
  output.flushSync = () => {}
  return output
}

/** For the few lines about the process itself, which `--log-level warn` does not leave out. */
export function announcer(logger: Logger): Logger {
  return logger.level === 'silent' ? logger : logger.child({}, { level: 'info' })
}

/** Says when a memcached comes and goes. */
export function connectionLog(logger: Logger): EngineObserver {
  return {
    connection(server, state, error) {
      if (state === 'up') logger.info({ server }, 'memcached is connected')
      else logger.warn({ server, error: error?.message }, 'memcached cannot be reached')
    },
  }
}
