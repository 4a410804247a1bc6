/** Someone asked this process to stop. */
export class InterruptedError extends Error {
  /** 128 and the signal's number, as shells have it. */
  readonly exitCode: number

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`stopped by ${signal}`)
    this.name = 'InterruptedError'
    this.exitCode = EXIT_CODES[signal]
  }
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 }

/**
 * Aborted by the first SIGINT or SIGTERM, so that what is under way can clean up after itself;
 * the second one ends the process at once.
 */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      process.once(signal, () => process.exit(EXIT_CODES[signal]))
      controller.abort(new InterruptedError(signal))
    })
  }
  return controller.signal
}
