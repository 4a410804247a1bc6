import type { IncomingHttpHeaders } from 'node:http'
import { httpDate, isDated, modifiedSecond } from '../../api/dates.ts'
import { etagOf, isFieldValue, reprDigestOf, weakEtagOf } from '../../api/fields.ts'
import { evaluate, mayServeRange } from '../../api/preconditions.ts'
import { contentRange, parseRange } from '../../api/range.ts'
import type { Digest } from '../../digest.ts'
import type { ByteRange } from '../records/manifest.ts'
import type { PreparedRead } from './prepared-read.ts'

/** What a response is made of. */
interface Answerable {
  readonly digest: Digest
  readonly size: number
  readonly name?: string
  readonly type?: string
  readonly attributes: Readonly<Record<string, string>>
  readonly storedAt: Date
  readonly isProven: boolean
  prepare(
    ranges: readonly ByteRange[],
    options: { signal?: AbortSignal | undefined; prove?: boolean },
  ): Promise<PreparedRead>
  probe(signal?: AbortSignal): Promise<void>
}

/** A request as `fetch` has it, or as much of one as counts here. */
export interface RequestLike {
  /** `HEAD` gets no body. Default `GET`. */
  readonly method?: string | undefined
  readonly headers: Headers
  readonly signal?: AbortSignal | undefined
}

/** Answers as RFC 9110 has it, with 200, 206, 304, 412 or 416; of several ranges with the whole file. */
export async function responseOf(
  file: Answerable,
  request: RequestLike | Headers = new Headers(),
): Promise<Response> {
  const {
    method = 'GET',
    headers: given,
    signal,
  }: RequestLike = 'headers' in request ? request : { headers: request }
  const asked = Object.fromEntries(given) as IncomingHttpHeaders
  const { hex: hash, base64 } = file.digest
  const isByName = file.name !== undefined
  const validators = { hash, storedAt: isByName ? file.storedAt : undefined }
  const etag = (isProven: boolean) => (isProven ? etagOf(hash) : weakEtagOf(hash))
  const headers = new Headers({ ETag: etag(file.isProven), 'X-Content-Type-Options': 'nosniff' })
  if (isByName && isDated(file.storedAt)) {
    headers.set('Last-Modified', httpDate(modifiedSecond(file.storedAt)))
  }
  const verdict = evaluate(method, asked, validators)
  if (verdict === 'not-modified') return new Response(null, { status: 304, headers })
  if (verdict === 'failed') return new Response(null, { status: 412, headers })

  const mayBeRange = method === 'GET' && mayServeRange(asked['if-range']?.toString(), validators)
  const ranges = mayBeRange ? parseRange(given.get('range') ?? '', file.size) : undefined
  if (ranges === 'unsatisfiable') {
    headers.set('Content-Range', `bytes */${file.size}`)
    return new Response(null, { status: 416, headers })
  }
  const part = ranges?.length === 1 ? ranges[0] : undefined
  const range = part ?? { start: 0, end: file.size }
  headers.set('Accept-Ranges', 'bytes')
  const isTyped = file.type !== undefined && isFieldValue(file.type)
  headers.set('Content-Type', isTyped ? file.type : 'application/octet-stream')
  headers.set('Content-Length', String(range.end - range.start))
  const encoding = file.attributes['content-encoding']
  if (encoding !== undefined && isFieldValue(encoding)) headers.set('Content-Encoding', encoding)
  if (part !== undefined) headers.set('Content-Range', contentRange(part, file.size))
  const isHead = method === 'HEAD'
  if (isHead) await file.probe(signal)
  // A part that the client puts together with others has to be of the same content.
  const prove = part !== undefined && (given.has('if-range') || given.has('if-match'))
  const read = isHead ? undefined : await file.prepare([range], { signal, prove })
  const isProven = read?.isProven ?? file.isProven
  headers.set('ETag', etag(isProven))
  if (isProven) headers.set('Repr-Digest', reprDigestOf(base64))
  const body = read === undefined ? null : bodyOf(read, range)
  return new Response(body, { status: part === undefined ? 200 : 206, headers })
}

/** The bytes of a read that is closed when all of them were taken or the reader leaves. */
function bodyOf(read: PreparedRead, range: ByteRange): ReadableStream<Uint8Array> {
  const pieces = read.stream(range)
  const end = async () => {
    await pieces.return()
    read.close()
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await pieces.next()
          // A copy: the bytes may be shared with other readers, and those of a stream may be changed.
          if (!done) return controller.enqueue(new Uint8Array(value))
          read.close()
          controller.close()
        } catch (error) {
          read.close()
          throw error
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  )
}
