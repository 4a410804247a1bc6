import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Commands } from '../commands.ts'
import { Fifo } from '../connection/fifo.ts'
import { openSocket } from '../connection/transport.ts'
import { ConnectionError, fromSocketError, violation } from '../connection-error.ts'
import type { MemcachedSettings } from '../options.ts'
import { unexpectedAnswer } from './refusal.ts'

const BUFFER_LENGTH = 64 * 1024
const MAX_LINE = 8 * 1024
/** Milliseconds until a busy memcached is asked again, and how often. */
const PAUSE = 5
const QUESTIONS = 40
/** Milliseconds for all that is done over one connection, once it is open. */
const LIMIT = 3000

/** One memcached, for what needs its text protocol too. */
export interface TextAccess {
  readonly commands: Commands
  readonly settings: MemcachedSettings
  /** Ends every connection at once. */
  readonly signal: AbortSignal
}

export function openText({ settings, signal }: TextAccess): TextConnection {
  return new TextConnection(settings, settings.connectTimeoutMs + LIMIT, signal)
}

/**
 * A short-lived connection for the few commands that only memcached's text protocol has. Memcached
 * tells the protocols apart by the first byte of a connection. It lets the process exit.
 */
export class TextConnection {
  readonly #socket: Socket
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_LENGTH)
  readonly #lines = new Fifo<string>()
  readonly #timer: NodeJS.Timeout
  readonly #ended = new AbortController()
  #rest = ''
  #failed: ConnectionError | undefined
  #wake = () => {}

  /**
   * @param limitMs How long it lasts at most.
   * @param signal Ends it at once.
   */
  constructor(settings: MemcachedSettings, limitMs: number, signal: AbortSignal) {
    let isOpen = false
    this.#socket = openSocket(settings, {
      open: () => {
        isOpen = true
      },
      buffer: () => this.#buffer,
      data: (length) => this.#receive(length),
      error: (error) => this.#fail(fromSocketError(error, isOpen)),
      end: () => this.#fail(new ConnectionError('closed', 'memcached closed the connection')),
    })
    this.#socket.unref()
    const late = () => this.#fail(new ConnectionError('timeout', `not done within ${limitMs} ms`))
    this.#timer = setTimeout(late, limitMs).unref()
    const abort = () => this.#fail(new ConnectionError('shutdown', 'the client was closed'))
    signal.addEventListener('abort', abort, { once: true })
    this.#socket.once('close', () => signal.removeEventListener('abort', abort))
    if (signal.aborted) abort()
  }

  /** Sends lines; adds their ends. */
  write(...lines: string[]): void {
    if (this.#failed === undefined) this.#socket.write(`${lines.join('\r\n')}\r\n`, 'latin1')
  }

  /**
   * Resolves with the next line of the answer. One caller at a time.
   * @throws {ConnectionError}
   */
  async line(): Promise<string> {
    while (this.#lines.length === 0) {
      if (this.#failed) throw this.#failed
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#lines.shift()!
  }

  /**
   * Resolves with the first line that answers `command`, which was sent. Sends it again while
   * memcached is busy, for a fifth of a second. The end of the connection ends the wait.
   * @throws {ConnectionError}
   */
  async answerTo(command: string): Promise<string> {
    let answer = await this.line()
    for (let asked = 1; answer.startsWith('BUSY') && asked < QUESTIONS; asked++) {
      await sleep(PAUSE, undefined, { ref: false, signal: this.#ended.signal }).catch(() => {})
      this.write(command)
      answer = await this.line()
    }
    return answer
  }

  /**
   * Reads the answer to `version`.
   * @throws {ConnectionError | Refusal}
   */
  async expectVersion(): Promise<void> {
    const answer = await this.line()
    if (!answer.startsWith('VERSION ')) throw unexpectedAnswer(answer)
  }

  close(): void {
    this.#fail(new ConnectionError('shutdown', 'the connection was closed'))
  }

  #receive(length: number): void {
    const lines = (this.#rest + this.#buffer.toString('latin1', 0, length)).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines) this.#lines.push(line.trimEnd())
    if (this.#rest.length > MAX_LINE) this.#fail(violation('a line without an end'))
    this.#wake()
  }

  #fail(error: ConnectionError): void {
    if (this.#failed) return
    this.#failed = error
    clearTimeout(this.#timer)
    this.#ended.abort()
    this.#socket.destroy()
    this.#wake()
  }
}
