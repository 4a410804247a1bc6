import { RemoteError } from '../client/remote-error.ts'
import { exitCodeOf } from '../exit-codes.ts'
import { colorsFor, printError } from './colors.ts'
import { checkOutput, messageOf, reasonOf } from './failure.ts'
import { printable, printableJson } from './printable.ts'
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
  /** The failure whose object was printed last. */
  #lastFailure: unknown

  constructor(options: ReportOptions = {}) {
    this.#options = options
    this.progress = new ProgressLine(process.stderr, options.quiet === true)
  }

  /** @throws {Error} when an earlier result did not arrive, as on a full disk. */
  result(text: string, json: object): void {
    checkOutput()
    this.progress.clear()
    process.stdout.write(`${this.#options.json ? printableJson(json) : text}\n`)
  }

  /** Something good to know for a person at the terminal. */
  remark(text: string): void {
    if (this.#options.quiet || !process.stderr.isTTY) return
    this.progress.clear()
    console.error(colorsFor(process.stderr).dim(printable(text)))
  }

  /** Something left out or wrong that does not make the command fail. */
  warn(text: string): void {
    this.progress.clear()
    console.error(`blobcached: ${colorsFor(process.stderr).yellow(printable(text))}`)
  }

  /** A failure: with `--json` an object as well. @param file Its name; of several, one failed. */
  error(error: unknown, file?: string): void {
    this.progress.clear()
    this.failed(error, file)
    printError(error, file)
  }

  /**
   * Prints the object of a failure, once, except of wrong usage; what ends the command is printed as text
   * there.
   */
  failed(error: unknown, file?: string): void {
    if (!this.#options.json || error === this.#lastFailure || isWrongUsage(error)) return
    this.#lastFailure = error
    const json = { ...(file !== undefined && { file }), error: reasonOf(error) }
    const message = printable(messageOf(error))
    process.stdout.write(`${printableJson({ ...json, message })}\n`)
  }
}

/** What the server refuses for one file is no wrong usage of the command. */
function isWrongUsage(error: unknown): boolean {
  return exitCodeOf(error) === 2 && !(error instanceof RemoteError)
}
