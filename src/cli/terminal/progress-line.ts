import prettyBytes from 'pretty-bytes'
import prettyMs from 'pretty-ms'

/** Milliseconds between two drawings. */
const INTERVAL_MS = 100
const WIDTH = 24

/** A line with bytes done, rate and time left; drawn only on a terminal. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream
  readonly #isShown: boolean
  #draw: ReturnType<typeof import('log-update').createLogUpdate> | undefined
  #timer: NodeJS.Timeout | undefined
  /** When the first byte was sent or received; files are hashed before that. */
  #startedAt: number | undefined
  #label = ''
  #total = 0
  #value = 0

  constructor(stream: NodeJS.WriteStream, isQuiet: boolean) {
    this.#stream = stream
    this.#isShown = stream.isTTY && !isQuiet
  }

  /** @param total Bytes, 0 where that is not known. */
  async start(total = 0): Promise<void> {
    this.#total = total
    if (!this.#isShown) return
    const { createLogUpdate } = await import('log-update') // Slow to load.
    this.#draw = createLogUpdate(this.#stream, { showCursor: true })
    this.#timer = setInterval(() => this.#draw?.(this.#text()), INTERVAL_MS).unref()
  }

  /** Shows which file is being transferred. */
  label(text: string): void {
    this.#label = text
  }

  /** Adds bytes to the total; negative ones are not transferred after all. */
  expect(bytes: number): void {
    this.#total += bytes
  }

  /** Adds bytes that are done; negative ones are transferred once more. */
  advance(bytes: number): void {
    this.#startedAt ??= performance.now()
    this.#value += bytes
  }

  /** Removes the line, so that text can be printed; it is drawn again below. */
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
