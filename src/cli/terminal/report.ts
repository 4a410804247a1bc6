import { colorsFor, printError } from './colors.ts'
import { ProgressLine } from './progress-line.ts'

export interface ReportOptions {
  /** Prints one JSON object a line instead of text. */
  json?: boolean
  /** Prints no progress and no remarks. */
  quiet?: boolean
}

/**
 * Prints what a command does: results to standard output, as text or with `--json` as JSON; the
 * rest to standard error, progress and remarks only if that is a terminal.
 */
export class Report {
  readonly progress: ProgressLine
  readonly #options: ReportOptions

  constructor(options: ReportOptions = {}) {
    this.#options = options
    this.progress = new ProgressLine(process.stderr, options.quiet === true)
  }

  result(text: string, json: object): void {
    this.progress.clear()
    process.stdout.write(`${this.#options.json ? JSON.stringify(json) : text}\n`)
  }

  /** Something good to know for a person at the terminal. */
  remark(text: string): void {
    if (this.#options.quiet || !process.stderr.isTTY) return
    this.progress.clear()
    console.error(colorsFor(process.stderr).dim(text))
  }

  /** Something left out or wrong that does not make the command fail. */
  warn(text: string): void {
    this.progress.clear()
    console.error(`blobcached: ${colorsFor(process.stderr).yellow(text)}`)
  }

  error(error: unknown): void {
    this.progress.clear()
    printError(error)
  }
}
