import { colorsFor } from './colors.ts'
import { complain } from './complain.ts'
import { ProgressLine } from './progress-line.ts'

export interface ReportOptions {
  /** One JSON object a line instead of text. */
  json?: boolean
  /** Nothing on the terminal but errors. */
  quiet?: boolean
}

/**
 * What a command tells: results on standard output, for people or, with `--json`, for programs;
 * the rest on standard error, progress and remarks on a terminal only.
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

  /** Something worth knowing for whoever watches. */
  remark(text: string): void {
    if (this.#options.quiet || !process.stderr.isTTY) return
    this.progress.clear()
    console.error(colorsFor(process.stderr).dim(text))
  }

  /** Something that was left out or went wrong without being a failure. */
  warn(text: string): void {
    this.progress.clear()
    console.error(`blobcached: ${colorsFor(process.stderr).yellow(text)}`)
  }

  error(error: unknown): void {
    this.progress.clear()
    complain(error)
  }
}
