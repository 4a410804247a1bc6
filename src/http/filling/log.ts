import type { OriginObserver } from '../../origin/index.ts'
import type { Logger } from '../exchange/log.ts'

/** One line a fetch from the origin: those that failed as warnings, the others for debugging. */
export function originLog(logger: Logger): OriginObserver {
  return {
    fetched(outcome, { path, seconds, bytes, error }) {
      const hasFailed = outcome === 'failed' || outcome === 'timeout'
      const level = hasFailed ? 'warn' : 'debug'
      if (!logger.isLevelEnabled(level)) return
      const ms = Math.round(seconds * 1e5) / 100
      const fields = { path, outcome, ms, bytes, ...(hasFailed && { err: error }) }
      logger[level](fields, 'fetch from the origin')
    },
  }
}
