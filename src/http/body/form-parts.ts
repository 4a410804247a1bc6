import type { Stream } from 'node:stream'
import { Readable } from 'node:stream'
import type { Context } from 'koa'
import { Digest, DigestMismatchError } from '../../index.ts'
import { expectedDigest } from '../fields/digests.ts'
import { HttpProblem } from '../problem.ts'
import { bodyParser } from './koa-body.ts'

/** One part, once its header is read. `content` yields nothing before `onPart` has returned. */
export interface FormPart {
  /** The name of the form's field. */
  readonly field: string
  /** What the sender calls the file; `undefined` for a field that is none. */
  readonly filename: string | undefined
  readonly type: string | undefined
  readonly content: Stream
}

export interface FormReader {
  /** Called with the body before any of it is read, to stop and start it. */
  onBody(body: Readable): void
  /** Called with each part in turn; throws to refuse the form. */
  onPart(part: FormPart): void
}

/** Parts of one form. */
const MAX_PARTS = 1000
/** Bytes that are not content: boundaries, headers, and what is around the parts. */
const MAX_FRAMING = { form: 256 * 1024, part: 4096 }

/**
 * Reads a multipart/form-data body with koa-body and hands out its parts as they come; resolves
 * when the form is complete, to its end. No part touches the disk.
 * @throws {HttpProblem} when the form is broken, has too many parts or too much around them.
 * @throws {DigestMismatchError} when the body is not what its Content-Digest says.
 */
export async function parseForm(ctx: Context, reader: FormReader, signal: AbortSignal) {
  checkBoundary(ctx)
  const { koaBody, multipart } = await bodyParser()
  signal.throwIfAborted()
  const form = new Form(ctx)
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  failed.catch(() => {}) // It may come after the wait for it.
  const onPart = (part: RawPart) => {
    try {
      reader.onPart(form.describe(part))
    } catch (error) {
      fail(error) // Nothing above would catch it.
    }
  }
  const body = Object.assign(Readable.from(form.pieces(), { objectMode: false }), {
    headers: ctx.req.headers,
  })
  reader.onBody(body)
  const parse = koaBody({
    multipart: true,
    json: false,
    text: false,
    urlencoded: false,
    patchNode: false,
    // Header bytes as they are: a character may be cut in two where a piece of the body ends.
    formidable: { encoding: 'binary', enabledPlugins: [multipart], onPart },
  })
  const parsed = parse(Object.create(ctx, { req: { value: body } }), async () => {})
  const ended = new Promise((resolve, reject) => body.once('end', resolve).once('error', reject))
  try {
    await Promise.race([Promise.all([parsed, ended]), failed])
  } catch (error) {
    parsed.catch(() => {})
    ended.catch(() => {})
    body.destroy()
    throw isFormError(error) ? broken(error.message) : error
  }
}

interface RawPart extends Stream {
  name: string | null
  originalFilename: string | null
  mimetype: string | null
  headers?: Record<string, string>
}

/** One body on its way to the parser, and how much of it turned out to be content. */
class Form {
  readonly #ctx: Context
  readonly #expected: Digest | undefined
  #parts = 0
  #content = 0

  constructor(ctx: Context) {
    this.#ctx = ctx
    this.#expected = expectedDigest(ctx.headers)
  }

  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    const digest = this.#expected && Digest.stream()
    let received = 0
    for await (const piece of this.#ctx.exchange.body) {
      if (received - this.#content > MAX_FRAMING.form + this.#parts * MAX_FRAMING.part) {
        throw new HttpProblem('too-large', 'the form has too much around the content of its parts')
      }
      received += piece.length
      digest?.update(piece)
      yield piece
    }
    const actual = digest?.digest()
    if (actual === undefined || actual.equals(this.#expected!)) return
    throw new DigestMismatchError('the form does not have the digest that it should have', {
      expected: `sha256 ${this.#expected!.hex}`,
      actual: `sha256 ${actual.hex}`,
    })
  }

  describe(part: RawPart): FormPart {
    if (++this.#parts > MAX_PARTS) {
      throw new HttpProblem('too-large', `a form has at most ${MAX_PARTS} parts`)
    }
    const encoding = part.headers?.['content-transfer-encoding']?.toLowerCase()
    if (encoding !== undefined && !['binary', '7bit', '8bit'].includes(encoding)) {
      throw new HttpProblem('bad-request', 'a Content-Transfer-Encoding is not supported in forms')
    }
    if (part.originalFilename === null && /^multipart\//i.test(part.mimetype ?? '')) {
      throw new HttpProblem('bad-request', 'a form within a form is not supported')
    }
    part.on('data', (piece: Buffer) => {
      this.#content += piece.length
    })
    return {
      field: decode(part.name ?? ''),
      filename: part.originalFilename === null ? undefined : decode(part.originalFilename),
      type: part.mimetype ?? undefined,
      content: part,
    }
  }
}

/** Header bytes, one a character, are UTF-8; a character reference stays what it is. */
function decode(text: string): string {
  try {
    return text.replace(/[\x80-\xff]+/g, (run) => UTF8.decode(Buffer.from(run, 'latin1')))
  } catch {
    throw new HttpProblem('bad-request', 'the name of a part is not UTF-8')
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function checkBoundary(ctx: Context): void {
  const boundary = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(ctx.get('Content-Type'))
  const { length } = boundary?.[1] ?? boundary?.[2] ?? ''
  if (length < 1 || length > 70) throw broken('its boundary has to have 1 to 70 characters')
}

/** Formidable's errors say so by a numeric code alone. */
function isFormError(error: unknown): error is Error {
  return error instanceof Error && 'httpCode' in error && 'code' in error
}

function broken(why: string): HttpProblem {
  return new HttpProblem('bad-request', `the form is broken or incomplete: ${why}`)
}
