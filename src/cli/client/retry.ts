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
  signal: AbortSignal
  onRetry?: ((error: RemoteError) => void) | undefined
}

/** Repeats `attempt` after transient failures, after a longer delay each time. */
export function withRetries<R>(
  attempt: () => Promise<R>,
  { retries, signal, onRetry }: RetryOptions,
): Promise<R> {
  return pRetry(attempt, {
    retries,
    signal,
    minTimeout: FIRST_DELAY_MS,
    maxTimeout: MAX_DELAY_MS,
    randomize: true,
    shouldRetry: ({ error }) => isTransient(error),
    onFailedAttempt: async ({ error, retriesLeft }) => {
      signal.throwIfAborted()
      if (!isTransient(error) || retriesLeft === 0) return
      onRetry?.(error)
      const seconds = Math.min(error.retryAfter, MAX_RETRY_AFTER)
      if (seconds > 0) await sleep(seconds * 1000, undefined, { signal })
    },
  })
}

export function isTransient(error: unknown): error is RemoteError {
  return error instanceof RemoteError && error.isTransient
}
