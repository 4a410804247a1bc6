import { setTimeout as sleep } from 'node:timers/promises'
import pRetry from 'p-retry'
import { RemoteError } from './remote-error.ts'

/** Milliseconds before the second attempt; doubled for each further one, with jitter. */
const FIRST_DELAY_MS = 200
const MAX_DELAY_MS = 5000
/** The longest that a server can make a command wait, in seconds. */
const MAX_RETRY_AFTER = 30

export interface RetryOptions {
  /** Attempts after the first one. */
  retries: number
  /** Whether the first answer that the server cannot now is taken as it is. Default: false. */
  isOutageKnown?: boolean
  signal: AbortSignal
  onRetry?: ((error: RemoteError) => void) | undefined
}

/** Repeats `attempt` after transient failures, after a longer delay each time. */
export function withRetries<R>(
  attempt: () => Promise<R>,
  { retries, signal, onRetry, isOutageKnown = false }: RetryOptions,
): Promise<R> {
  const isRepeated = (error: unknown): error is RemoteError =>
    isTransient(error) && !(isOutageKnown && error.isOutage)
  return pRetry(attempt, {
    retries,
    signal,
    minTimeout: FIRST_DELAY_MS,
    maxTimeout: MAX_DELAY_MS,
    randomize: true,
    shouldRetry: ({ error }) => isRepeated(error),
    onFailedAttempt: async ({ error, retriesLeft }) => {
      signal.throwIfAborted()
      if (!isRepeated(error) || retriesLeft === 0) return
      onRetry?.(error)
      const seconds = Math.min(error.retryAfter, MAX_RETRY_AFTER)
      if (seconds > 0) await sleep(seconds * 1000, undefined, { signal })
    },
  })
}

export function isTransient(error: unknown): error is RemoteError {
  return error instanceof RemoteError && error.isTransient
}
