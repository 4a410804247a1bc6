import type { Credentials } from '../address.ts'
import { ConnectionError, connectionLimit, violation } from '../connection-error.ts'
import type { Allocate, ByteSink, Codec, Head, Reply, Request, Verb } from './protocol.ts'

/*
 * What memcached's meta and classic protocols have in common: commands and answers are lines, and
 * stats, authentication and errors are the same in both.
 * https://github.com/memcached/memcached/blob/master/doc/protocol.txt
 */

/** Bytes of a line, without its end: an answer, and a figure of `stats`. */
const MAX_LINE = 1024
const MAX_FIGURE_LINE = 16 * 1024 + 512
/** Figures that one answer to `stats` may have; memcached has about a hundred. */
const MAX_FIGURES = 10_000
const CR = 0x0d
const LF = 0x0a
const LINE_END = Buffer.from('\r\n')
const EMPTY: Buffer = Buffer.alloc(0)
const OK: Reply = { status: 'ok' }

/** What is said of a value before it comes. */
export interface ValueLine {
  readonly size: number
  readonly cas?: bigint
}

export abstract class LineCodec implements Codec {
  abstract readonly name: string
  abstract readonly hello: readonly Request[]
  readonly lacks: ReadonlySet<Verb> = new Set()
  readonly maxHeadLength = MAX_FIGURE_LINE + LINE_END.length
  /** What follows a value. */
  readonly #tail: Buffer
  /** Answers the request whose value has been received, once the tail has come too. */
  #afterValue: Reply | undefined
  #figures = new Map<string, string>()
  #figureLines = 0

  /** @param tail What follows each value. */
  constructor(tail: string) {
    this.#tail = Buffer.from(tail, 'latin1')
  }

  /** Returns the line that asks `request`, without its end. */
  protected abstract command(request: Request): string

  /** Returns what `line` says to `request`; `undefined` when it is no answer to that. */
  protected abstract understand(line: string, request: Request): Reply | ValueLine | undefined

  /** Called when a request has been answered, with whatever answer. */
  protected answered(_request: Request): void {}

  encode(request: Request, sink: ByteSink): void {
    const { verb, key = '', value } = withCredentials(request)
    if (verb === 'stats') sink.add(toLine(key === '' ? 'stats' : `stats ${key}`))
    else if (verb === 'auth') sink.add(toLine(`set auth 0 0 ${value!.length}`))
    else sink.add(toLine(this.command(request)))
    if (value !== undefined) {
      sink.add(value)
      sink.add(LINE_END)
    }
  }

  parse(bytes: Buffer, start: number, request: Request, maxValue: number): Head | undefined {
    if (this.#afterValue !== undefined) return this.#parseTail(bytes, start, request)
    const end = lineEnd(bytes, start, request.verb === 'stats' ? MAX_FIGURE_LINE : MAX_LINE)
    if (end === undefined) return undefined
    const length = end + LINE_END.length - start
    const line = bytes.toString('latin1', start, end)
    if (request.verb === 'stats' && line.startsWith('STAT ')) {
      this.#addFigure(line)
      return { length, value: undefined, reply: undefined }
    }
    const answer = this.#understand(line, request)
    if (!('size' in answer)) {
      this.answered(request)
      return { length, value: undefined, reply: answer }
    }
    if (answer.size > maxValue) throw violation('a value of an impossible length')
    const value = open(answer.size, request.allocate)
    const { cas } = answer
    this.#afterValue = cas === undefined ? { status: 'ok', value } : { status: 'ok', value, cas }
    return { length, value, reply: undefined }
  }

  #parseTail(bytes: Buffer, start: number, request: Request): Head | undefined {
    const tail = this.#tail
    const length = Math.min(tail.length, bytes.length - start)
    if (tail.compare(bytes, start, start + length, 0, length) !== 0) {
      throw violation('a value that does not end where it should')
    }
    if (length < tail.length) return undefined
    const reply = this.#afterValue
    this.#afterValue = undefined
    this.answered(request)
    return { length, value: undefined, reply }
  }

  #understand(line: string, request: Request): Reply | ValueLine {
    const answer =
      request.verb === 'stats'
        ? this.#endFigures(line)
        : request.verb === 'auth' && line === 'STORED'
          ? OK
          : this.understand(line, request)
    if (answer !== undefined) return answer
    return readError(line, request.verb)
  }

  #addFigure(line: string): void {
    if (++this.#figureLines > MAX_FIGURES) throw violation('an answer without an end')
    const nameEnd = line.indexOf(' ', 5)
    if (nameEnd === -1) this.#figures.set(line.slice(5), '')
    else this.#figures.set(line.slice(5, nameEnd), line.slice(nameEnd + 1))
  }

  /** Returns the figures if `line` is the last one; forgets them in any case. */
  #endFigures(line: string): Reply | undefined {
    const figures = this.#figures
    this.#figures = new Map()
    this.#figureLines = 0
    return line === 'END' ? { status: 'ok', figures } : undefined
  }
}

const toLine = (text: string) => Buffer.from(`${text}\r\n`, 'latin1')

const open = (size: number, allocate: Allocate = Buffer.allocUnsafe) =>
  size === 0 ? EMPTY : allocate(size)

/** Returns where the line at `start` ends, or `undefined` when its end has not come yet. */
function lineEnd(bytes: Buffer, start: number, limit: number): number | undefined {
  const at = bytes.indexOf(LF, start)
  const end = at === -1 ? bytes.length : at - 1
  if (end - start > limit) throw violation('a line without an end')
  if (at === -1) return undefined
  if (bytes[end] !== CR || end < start) throw violation('a line with a wrong end')
  return end
}

/** Whether memcached could not tell where the user or the password ends: it cuts both at spaces. */
export const hasSpace = ({ username, password }: Credentials) =>
  username.includes(' ') || password.includes(' ')

export const NO_SPACE =
  'over the meta and text protocols (-Y) memcached takes no user or password with a space; choose another one'

/** Returns `request`; if it is an `auth`, with the credentials as its value. */
function withCredentials(request: Request): Request {
  if (request.credentials === undefined) return request
  const { username, password } = request.credentials
  if (hasSpace(request.credentials)) throw new ConnectionError('auth', NO_SPACE)
  return { verb: request.verb, value: Buffer.from(`${username} ${password}`) }
}

const ERROR = /^(CLIENT_ERROR|SERVER_ERROR|ERROR)(?: (.*))?$/
const WANTS_CREDENTIALS = /^(unauthenticated|authentication failure)/

/**
 * Returns what a line says that is not the answer hoped for.
 * @throws {ConnectionError} when the connection cannot be used any more.
 */
function readError(line: string, verb: Verb): Reply {
  const [, kind, text = 'unknown command'] = ERROR.exec(line) ?? []
  if (kind === undefined) throw violation('a line that is no answer to what was asked')
  if (kind === 'CLIENT_ERROR' && WANTS_CREDENTIALS.test(text)) {
    return { status: 'unauthorized', text }
  }
  if (kind === 'SERVER_ERROR') {
    if (/^out of memory/i.test(text)) return { status: 'out-of-memory', text }
    if (/^object too large/i.test(text)) return { status: 'too-large', text }
    return { status: 'error', text }
  }
  if (text.startsWith('Too many open connections')) throw connectionLimit()
  // It may have taken the value for commands, and more answers may follow.
  if (verb === 'set' || verb === 'add') throw violation(`"${text}" in answer to a value`)
  return { status: line === 'ERROR' ? 'unknown' : 'error', text }
}

/** Parses a number as memcached writes it: decimal, without a sign or leading zeros. */
export function parseNumber(text: string | undefined): number {
  if (text === undefined || !/^(0|[1-9]\d{0,9})$/.test(text)) {
    throw violation('a length that is no number')
  }
  return Number(text)
}

export function parseCas(text: string | undefined): bigint {
  if (text === undefined || !/^(0|[1-9]\d{0,19})$/.test(text)) {
    throw violation('a CAS that is no number')
  }
  return BigInt(text)
}
