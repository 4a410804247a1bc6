import { setMaxListeners } from 'node:events'

/** Signals that stop a command. */
type Stop = 'SIGINT' | 'SIGTERM'

/** The process received SIGINT or SIGTERM. */
export class InterruptedError extends Error {
  readonly signal: Stop

  constructor(signal: Stop) {
    super(`stopped by ${signal}`)
    this.name = 'InterruptedError'
    this.signal = signal
  }

  /** 128 plus the number of the signal, as in shells. */
  get exitCode(): number {
    return EXIT_CODES[this.signal]
  }
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 }

/** Milliseconds after which a process that was stopped and cleaned up does not end by itself. */
const GRACE_MS = 100

/**
 * Returns a signal that the first SIGINT or SIGTERM aborts, so that the command can clean up. The
 * second one ends the process at once.
 */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal) // Every request under way listens.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) endBy(signal)
      else controller.abort(new InterruptedError(signal))
    })
  }
  return controller.signal
}

/** Ends the process after a command was stopped, even if a thread waits for a pipe. */
export function endInterrupted({ signal }: InterruptedError): void {
  process.stdin.destroy()
  setTimeout(() => endBy(signal), GRACE_MS).unref()
}

/** Lets the signal do what it does by default, which waits for no thread. */
function endBy(signal: Stop): void {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}
