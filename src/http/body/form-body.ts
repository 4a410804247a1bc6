import { setImmediate as othersTurn } from 'node:timers/promises'
import { Digest, DigestMismatchError } from '../../index.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { expectedDigest } from '../fields/digests.ts'
import { type Disposition, parseDisposition } from '../fields/disposition.ts'
import { HttpProblem } from '../problem.ts'

/** What the header of a part says. */
interface PartHeader extends Disposition {
  readonly type: string | undefined
}

/** One part of a form, once its header is read. */
export interface FormPart {
  readonly header: PartHeader
  /** To be read to its end before the next part is asked for. */
  readonly content: Iterable<Buffer> | AsyncIterable<Buffer>
  /** Bytes of the content of a small part, all of which has come. */
  readonly size?: number
  /** Resolves when the content has been read. */
  readonly isRead: Promise<void>
}

const MAX_PARTS = 1000
/** Parts of one piece of the body that are read before other requests have their turn, as they have before the next piece. */
const TURN = 16
/** Bytes: of the headers of one part and of all, and of what is before the first part and after the last. */
const MAX_BYTES = { header: 8192, headers: 512 * 1024, outside: 64 * 1024 }
/** A part is small with so many bytes at most, of so many pieces of the body; others are read as they come. */
const SMALL = { bytes: 32 * 1024, pieces: 4 }

const CRLF = Buffer.from('\r\n')
const HEADER_END = Buffer.from('\r\n\r\n')

/**
 * Takes a multipart/form-data body (RFC 7578, RFC 2046) apart as it comes. Each byte
 * is looked at a few times at most, by the search of `Buffer`, whatever the bytes are. What
 * cannot be understood fails the form: what is left out would be a file that its sender takes for stored.
 */
export class FormBody {
  readonly #pieces: AsyncIterator<Uint8Array>
  readonly #delimiter: Buffer
  readonly #expected: Digest | undefined
  #digest: ReturnType<typeof Digest.stream> | undefined
  /** Read and not handed out. A delimiter begins with the end of a line, and so does the body. */
  #bytes: Buffer = CRLF
  #isBegun = false
  #parts = 0
  #partsOfPiece = 0
  #headerBytes = 0
  #failure: { reason: unknown } | undefined
  #interrupt: (reason: unknown) => void = () => {}

  /** @throws {HttpProblem} without a boundary. */
  constructor({ headers, body, signal }: Exchange) {
    this.#delimiter = Buffer.from(`\r\n--${boundaryIn(headers['content-type'] ?? '')}`, 'latin1')
    this.#expected = expectedDigest(headers)
    this.#digest = this.#expected && Digest.stream()
    this.#pieces = body[Symbol.asyncIterator]()
    const onAbort = () => this.fail(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  }

  /** Parts so far. */
  get parts(): number {
    return this.#parts
  }

  /** Bytes of the headers of the parts so far. */
  get headerBytes(): number {
    return this.#headerBytes
  }

  /**
   * Reads up to the content of the next part. Resolves with `undefined` at the end of the body.
   * @throws {HttpProblem} when the form is broken, or has too many parts or too much around them.
   * @throws {DigestMismatchError} when the body is not what its Content-Digest says.
   */
  async next(): Promise<FormPart | undefined> {
    if (!this.#isBegun) await this.#readPreamble()
    const line = await this.#restOfLine()
    if (/^--[ \t]*$/.test(line)) {
      await this.#readEpilogue()
      return undefined
    }
    if (!/^[ \t]*$/.test(line)) throw broken('a line begins with its boundary and goes on')
    if (++this.#parts > MAX_PARTS) throw tooLarge(`at most ${MAX_PARTS} parts`)
    if (++this.#partsOfPiece % TURN === 0) await othersTurn()
    const header = parseHeader(await this.#header())
    const whole = await this.#small()
    let ended = () => {}
    const isRead = new Promise<void>((resolve) => {
      ended = resolve
    })
    if (whole === undefined) return { header, content: this.#untilDelimiter(ended), isRead }
    return { header, content: once(whole, ended), size: whole.length, isRead }
  }

  /** Rejects what is being read, and all that is read from now on. */
  fail(reason: unknown): void {
    this.#failure ??= { reason }
    this.#interrupt(reason)
  }

  /** Takes no more of the body. */
  close(): void {
    this.fail(broken('it is closed'))
    void this.#pieces.return?.()
  }

  async #readPreamble(): Promise<void> {
    this.#isBegun = true
    let bytes = 0
    for await (const piece of this.#untilDelimiter(() => {})) bytes = outside(bytes, piece)
  }

  async #readEpilogue(): Promise<void> {
    let bytes = 0
    do bytes = outside(bytes, this.#take(this.#bytes.length))
    while (await this.#read())
  }

  /** The content of a small part; `undefined` if it is not small. */
  async #small(): Promise<Buffer | undefined> {
    for (let pieces = 1; ; pieces++) {
      const content = this.#takeToDelimiter(SMALL.bytes)
      if (content !== undefined) return content
      if (pieces === SMALL.pieces || this.#bytes.length > SMALL.bytes) return undefined
      await this.#readMore()
    }
  }

  /** Yields what is before the next delimiter, and takes that too. */
  async *#untilDelimiter(ended: () => void): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const last = this.#takeToDelimiter()
      const piece = last ?? this.#take(this.#bytes.length - this.#begunDelimiter())
      if (piece.length > 0) yield piece
      if (last !== undefined) return ended()
      await this.#readMore()
    }
  }

  /** Takes what is before the next delimiter, `most` bytes at most, and that too, if it has come. */
  #takeToDelimiter(most = Number.POSITIVE_INFINITY): Buffer | undefined {
    const at = this.#bytes.indexOf(this.#delimiter)
    if (at === -1 || at > most) return undefined
    const content = this.#take(at)
    this.#take(this.#delimiter.length)
    return content
  }

  /** Bytes at the end of what was read that may be the beginning of a delimiter. */
  #begunDelimiter(): number {
    const end = this.#bytes.subarray(Math.max(0, this.#bytes.length - this.#delimiter.length + 1))
    const at = end.lastIndexOf(CRLF[0]!) // A delimiter has one, as its first byte.
    if (at === -1) return 0
    const begun = end.subarray(at)
    return begun.equals(this.#delimiter.subarray(0, begun.length)) ? begun.length : 0
  }

  /** What follows a delimiter in its line; the end of the line stays. */
  async #restOfLine(): Promise<string> {
    for (;;) {
      const at = this.#bytes.indexOf(CRLF)
      if (at !== -1) return this.#take(at).toString('latin1')
      if (this.#bytes.length > MAX_BYTES.header) throw broken('a line has no end')
      if (!(await this.#read())) return this.#take(this.#bytes.length).toString('latin1')
    }
  }

  /** The header of a part, after the end of a line. */
  async #header(): Promise<Buffer> {
    for (;;) {
      const at = this.#bytes.indexOf(HEADER_END)
      const length = at === -1 ? this.#bytes.length : at
      if (length > MAX_BYTES.header || this.#headerBytes + length > MAX_BYTES.headers) {
        throw tooLarge('too much in the headers of its parts')
      }
      if (at !== -1) {
        this.#headerBytes += at
        return this.#take(at + HEADER_END.length).subarray(CRLF.length, Math.max(CRLF.length, at))
      }
      await this.#readMore()
    }
  }

  #take(length: number): Buffer {
    const taken = this.#bytes.subarray(0, length)
    this.#bytes = this.#bytes.subarray(length)
    return taken
  }

  async #readMore(): Promise<void> {
    if (!(await this.#read())) throw broken('it ends too early')
  }

  /** Returns whether there was more. */
  async #read(): Promise<boolean> {
    const { done, value } = await this.#nextPiece()
    if (done) {
      this.#checkDigest()
      return false
    }
    this.#digest?.update(value)
    this.#partsOfPiece = 0
    const piece = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    this.#bytes = this.#bytes.length === 0 ? piece : Buffer.concat([this.#bytes, piece])
    return true
  }

  #nextPiece(): Promise<IteratorResult<Uint8Array>> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) throw this.#failure.reason
      this.#interrupt = reject
      this.#pieces.next().then(resolve, reject)
    })
  }

  #checkDigest(): void {
    const actual = this.#digest?.digest()
    this.#digest = undefined
    if (actual === undefined || actual.equals(this.#expected!)) return
    throw new DigestMismatchError('the form does not have the digest that it should have', {
      expected: `sha256 ${this.#expected!.hex}`,
      actual: `sha256 ${actual.hex}`,
    })
  }
}

/** Yields what has come; it is read when the next piece is asked for. */
function* once(piece: Buffer, ended: () => void): Generator<Buffer, void, undefined> {
  yield piece
  ended()
}

/** @throws {HttpProblem} unless the Content-Type has one. */
export function boundaryIn(contentType: string): string {
  const [, quoted, token] = BOUNDARY.exec(contentType) ?? []
  const boundary = quoted ?? token ?? ''
  if (/^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/.test(boundary)) return boundary
  throw broken('its boundary has to have 1 to 70 of the characters of RFC 2046')
}

/** Some clients leave out the quotes that RFC 2045 demands around some characters. */
const BOUNDARY = /;[ \t]*boundary[ \t]*=[ \t]*(?:"([^"]*)"|([^\s;"]+))[ \t]*(?:;|$)/i

function outside(before: number, { length }: Buffer): number {
  if (before + length > MAX_BYTES.outside) throw tooLarge('too much before or after its parts')
  return before + length
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @throws {HttpProblem} unless it is UTF-8. */
export function decodeText(bytes: Buffer, what: string): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw new HttpProblem('bad-request', `${what} is not UTF-8`)
  }
}

function parseHeader(bytes: Buffer): PartHeader {
  const fields = fieldsIn(decodeText(bytes, 'the header of a part'))
  const disposition = fields.get('content-disposition')
  if (disposition === undefined) throw broken('a part has no Content-Disposition')
  const encoding = fields.get('content-transfer-encoding')?.toLowerCase()
  if (encoding !== undefined && !['binary', '7bit', '8bit'].includes(encoding)) {
    throw broken('a Content-Transfer-Encoding is not supported in forms')
  }
  const type = fields.get('content-type') || undefined
  const { field, filename } = parseDisposition(disposition)
  if (filename === undefined && type !== undefined && !/^text\/plain\s*(?:;|$)/i.test(type)) {
    throw broken('a part has a type that no field has, and no filename that a file has')
  }
  return { field, filename, type }
}

/** RFC 5322, 2.2, lines that go on in the next one too. */
function fieldsIn(header: string): Map<string, string> {
  const fields = new Map<string, string>()
  const lines = header === '' ? [] : header.replace(/\r\n(?=[ \t])/g, '').split('\r\n')
  for (const line of lines) {
    const [, name, value] = FIELD.exec(line) ?? []
    if (name === undefined) throw broken('the header of a part is malformed')
    const key = name.toLowerCase()
    if (fields.has(key) && key.startsWith('content-')) throw broken(`a part has two fields ${key}`)
    fields.set(key, value!.trim())
  }
  return fields
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is left out
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\u0000-\u0008\u000a-\u001f\u007f]*)$/

function tooLarge(what: string): HttpProblem {
  return new HttpProblem('too-large', `a form has ${what}`)
}

function broken(why: string): HttpProblem {
  return new HttpProblem('bad-request', `the form is broken or incomplete: ${why}`)
}
