import { createLogUpdate } from 'log-update'
import prettyBytes from 'pretty-bytes'
import prettyMs from 'pretty-ms'

/** Milliseconds between two drawings. */
const INTERVAL_MS = 100
const WIDTH = 24

/** How much of all files has passed, at what rate, until when; on a terminal only. */
export class ProgressLine {
  readonly #draw: ReturnType<typeof createLogUpdate> | undefined
  #timer: NodeJS.Timeout | undefined
  /** When the first byte passed: files are hashed before. */
  #startedAt: number | undefined
  #label = ''
  #total = 0
  #value = 0

  constructor(stream: NodeJS.WriteStream, isQuiet: boolean) {
    if (stream.isTTY && !isQuiet) this.#draw = createLogUpdate(stream, { showCursor: true })
  }

  /** @param total Bytes, 0 where that is not known. */
  start(total = 0): void {
    this.#total = total
    if (this.#draw === undefined) return
    this.#timer = setInterval(() => this.#draw?.(this.#text()), INTERVAL_MS).unref()
  }

  /** What is under way now. */
  label(text: string): void {
    this.#label = text
  }

  /** More bytes are to come than was known. */
  expect(bytes: number): void {
    this.#total += bytes
  }

  /** Bytes that have passed; negative ones have to pass again. */
  advance(bytes: number): void {
    this.#startedAt ??= performance.now()
    this.#value += bytes
  }

  /** Makes room for a line of text; the next drawing is below it. */
  clear(): void {
    this.#draw?.clear()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#draw?.clear()
  }

  #text(): string {
    const now = performance.now()
    const elapsed = Math.max(1, now - (this.#startedAt ?? now))
    const rate = this.#value / elapsed
    const speed = `${prettyBytes(rate * 1000)}/s`
    const done = prettyBytes(this.#value)
    if (this.#total === 0) return [done, speed, this.#label].join('  ')
    const share = Math.min(1, this.#value / this.#total)
    const percent = `${Math.floor(share * 100)}%`.padStart(4)
    const of = `${done} of ${prettyBytes(this.#total)}`
    return [bar(share) + percent, of, speed, this.#left(rate), this.#label].join('  ')
  }

  #left(rate: number): string {
    if (rate === 0) return ''
    const seconds = Math.ceil(Math.max(0, this.#total - this.#value) / rate / 1000)
    return `${prettyMs(seconds * 1000, { unitCount: 2 })} left`
  }
}

function bar(share: number): string {
  const done = Math.round(share * WIDTH)
  return '━'.repeat(done) + '─'.repeat(WIDTH - done)
}
