import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../src/http/index.ts'
import { watched } from './watchdog.ts'

type Level = Parameters<Logger['isLevelEnabled']>[0]
export type Line = Record<string, unknown> & { level: Level }

/** A logger that keeps its lines, and a way to wait for one of them. */
export class KeptLog implements Logger {
  readonly lines: Line[] = []
  readonly #disabled: readonly Level[]
  #wake = () => {}

  constructor(disabled: readonly Level[] = []) {
    this.#disabled = disabled
  }

  isLevelEnabled = (level: Level) => !this.#disabled.includes(level)
  debug = (fields: object) => this.#keep('debug', fields)
  info = (fields: object) => this.#keep('info', fields)
  warn = (fields: object) => this.#keep('warn', fields)
  error = (fields: object) => this.#keep('error', fields)
  fatal = (fields: object) => this.#keep('fatal', fields)

  async line(fits: Partial<Line> = {}): Promise<Line> {
    const find = () =>
      this.lines.find((line) => Object.entries(fits).every(([name, value]) => line[name] === value))
    while (find() === undefined) {
      await watched(
        `a line with ${JSON.stringify(fits)} in ${JSON.stringify(this.lines)}`,
        new Promise<void>((resolve) => {
          this.#wake = resolve
        }),
      )
    }
    return find()!
  }

  /** Waits until there are so many lines, and a little, so that one too many shows. */
  async all(count: number): Promise<readonly Line[]> {
    const enough = async () => {
      while (this.lines.length < count) await sleep(5)
    }
    await watched(`${count} lines`, enough())
    await sleep(20)
    return this.lines
  }

  #keep(level: Level, fields: object): void {
    this.lines.push({ level, ...fields })
    this.#wake()
  }
}
