import prettyBytes from 'pretty-bytes'
import prettyMs from 'pretty-ms'
import { printable } from './printable.ts'

/** Milliseconds between two drawings. */
const INTERVAL_MS = 100
const WIDTH = 24

/** A line with bytes and files done, rate and time left; drawn only on a terminal. */
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
  /** Bytes that were hashed of files that are being hashed. */
  #checked = 0
  #files = 0
  #filesDone = 0

  constructor(stream: NodeJS.WriteStream, isQuiet: boolean) {
    this.#stream = stream
    this.#isShown = stream.isTTY && !isQuiet
  }

  /** @param total Bytes, 0 where that is not known. @param files How many there are. */
  async start(total: number, files: number): Promise<void> {
    this.#total = total
    this.#files = files
    if (!this.#isShown) return
    const { createLogUpdate } = await import('log-update') // Slow to load.
    this.#draw = createLogUpdate(this.#stream, { showCursor: true })
    this.#timer = setInterval(() => this.#draw?.(this.#text()), INTERVAL_MS).unref()
  }

  /** Shows which file is being transferred. */
  label(text: string): void {
    this.#label = printable(text)
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

  /** Adds bytes that were hashed; negative ones when that is over. */
  check(bytes: number): void {
    this.#checked += bytes
  }

  /** Counts a file as done. */
  fileDone(): void {
    this.#filesDone++
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

  /** In one row of the terminal. */
  #text(): string {
    const parts = [...this.#share(), ...this.#count(), ...this.#bytes(), this.#label]
    return parts.join('  ').slice(0, Math.max(20, (this.#stream.columns || 80) - 1))
  }

  #share(): string[] {
    if (this.#total === 0) return []
    const share = Math.min(1, this.#value / this.#total)
    return [bar(share) + `${Math.floor(share * 100)}%`.padStart(4)]
  }

  #count(): string[] {
    if (this.#files < 2) return []
    return [`${this.#filesDone.toLocaleString('en')} of ${this.#files.toLocaleString('en')} files`]
  }

  #bytes(): string[] {
    const now = performance.now()
    const elapsed = Math.max(1, now - (this.#startedAt ?? now))
    const rate = this.#value / elapsed
    const speed = `${prettyBytes(rate * 1000)}/s`
    const done = prettyBytes(this.#value)
    const checked = this.#checked > 0 ? [`checking ${prettyBytes(this.#checked)}`] : []
    if (this.#total === 0) return this.#value === 0 ? checked : [done, speed, ...checked]
    const of = `${done} of ${prettyBytes(this.#total)}`
    const sent = this.#value === 0 ? [] : [speed, this.#left(rate)]
    return [of, ...sent, ...checked]
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
