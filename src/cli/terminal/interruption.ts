import { setMaxListeners } from 'node:events'

/** The process received SIGINT or SIGTERM. */
export class InterruptedError extends Error {
  /** 128 plus the number of the signal, as in shells. */
  readonly exitCode: number

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`stopped by ${signal}`)
    this.name = 'InterruptedError'
    this.exitCode = EXIT_CODES[signal]
  }
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 }

/**
 * Returns a signal that the first SIGINT or SIGTERM aborts, so that the command can clean up. The
 * second one ends the process at once.
 */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal) // Every request under way listens.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      process.once(signal, () => process.exit(EXIT_CODES[signal]))
      controller.abort(new InterruptedError(signal))
    })
  }
  return controller.signal
}
