import { evaluate, isConditional, mayServeRange, type Validators } from '../../api/preconditions.ts'
import { contentRange, parseRange } from '../../api/range.ts'
import {
  type ByteRange,
  type Digest,
  EvictedError,
  type FileStore,
  PreconditionFailedError,
  type PrepareOptions,
  type StoredFile,
} from '../../index.ts'
import type { Exchange } from '../exchange/exchange.ts'
import {
  type AskedBy,
  bodyFields,
  contentFields,
  contentTypeOf,
  dispositionField,
  type Fields,
  fileFields,
} from '../fields/content.ts'
import { HttpProblem } from '../problem.ts'
import { ByteRangesBody } from './byteranges.ts'
import { type Content, respond, respondAll } from './respond.ts'

/** Bytes of memory that each of several ranges takes beside its content: its head, and what is to be sent. */
const RANGE_COST = 1024

/** What a file is asked for by. */
export type ContentRef = { readonly name: string } | { readonly hash: Digest }

/** What a protocol adds to the answers about its files. */
export interface AnswerOptions {
  /** Header fields of every answer that tells of the file. */
  fieldsOf?: ((file: StoredFile) => Fields) | undefined
  /** What Cache-Status says of how the file was found. Default: that it was there. */
  cacheStatus?: string | undefined
}

/** What a protocol adds to the reading of its files. */
export interface GetOptions extends AnswerOptions {
  /** Called before anything of the file is looked at; throws to refuse it. */
  check?: (file: StoredFile) => Promise<void>
}

/** Answers GET and HEAD: the status is sent when everything it promises has been verified. */
export async function getFile(
  exchange: Exchange,
  store: FileStore,
  ref: ContentRef,
  options: GetOptions = {},
): Promise<void> {
  const file = await findFor(exchange, store, ref)
  await options.check?.(file)
  await answerFile(exchange, store, file, askedBy(ref), options)
}

export function askedBy(ref: ContentRef): AskedBy {
  return 'name' in ref ? 'name' : 'hash'
}

/** Finds the file of a request that reads it at once. */
export function findFor(
  { method, headers }: Exchange,
  store: FileStore,
  ref: ContentRef,
): Promise<StoredFile> {
  return store.find(ref, { prefetch: method === 'GET' && !isConditional(headers) })
}

/** Answers GET and HEAD with a file that was found. */
export async function answerFile(
  exchange: Exchange,
  store: FileStore,
  file: StoredFile,
  by: AskedBy,
  options: AnswerOptions = {},
): Promise<void> {
  const { method, headers, query } = exchange
  const verify = query.choice('verify', ['full', 'stream']) ?? 'full'
  const validators = { hash: file.hash, storedAt: by === 'name' ? file.storedAt : undefined }
  const { describe, describeContent } = describing(exchange, file, by, options)
  const verdict = isConditional(headers) ? evaluate(method, headers, validators) : 'proceed'
  if (verdict === 'failed') throw new PreconditionFailedError('the file is another one')
  try {
    if (verdict === 'not-modified') return exchange.answer(304, describe(file.isProven))
    if (method === 'HEAD') return await look(exchange, file, describeContent)
    const ranges = rangesOf(exchange, file, validators)
    const prove = ranges !== undefined && continues(exchange)
    const sendAll = () =>
      send(exchange, file, { verify, prove }, contentOf(file, ranges), describeContent)
    if (ranges === undefined || ranges.length === 1) return await sendAll()
    const work = { kind: 'sending', signal: exchange.signal } as const
    await store.withMemory(RANGE_COST * ranges.length, sendAll, work)
  } finally {
    exchange.isHit = exchange.res.headersSent
  }
}

/** Answers GET with all the bytes of a file that was stored just now. */
export async function answerStored(
  exchange: Exchange,
  file: StoredFile,
  by: AskedBy,
  bytes: readonly Buffer[],
  options: AnswerOptions,
): Promise<void> {
  const { describeContent } = describing(exchange, file, by, options)
  const { status, fields } = contentOf(file, undefined)
  exchange.isHit = true
  await respondAll(
    exchange,
    { status, fields: [...describeContent(file.isProven), ...fields] },
    bytes,
  )
}

/** Makes the fields for content of which it is known, or not, that it has the hash. */
type Describe = (isProven: boolean) => Fields

/** What makes the fields of all answers about a file, and of those that carry bytes of it. */
function describing(
  { headers, query }: Exchange,
  file: StoredFile,
  by: AskedBy,
  { fieldsOf, cacheStatus }: AnswerOptions,
): { describe: Describe; describeContent: Describe } {
  const describe = (isProven: boolean) => {
    const fields = fileFields(file, by, isProven)
    if (fieldsOf !== undefined) fields.push(...fieldsOf(file))
    return fields
  }
  const download = query.text('download')
  const disposition = download === undefined ? [] : dispositionField(download, file)
  const describeContent = (isProven: boolean) => [
    ...describe(isProven),
    ...contentFields(headers, file, isProven, cacheStatus),
    ...disposition,
  ]
  return { describe, describeContent }
}

/**
 * Promises what GET would send, when every chunk of it is there: without what only reading them tells (RFC
 * 9110, 9.3.2).
 */
async function look(exchange: Exchange, file: StoredFile, describe: Describe): Promise<void> {
  const { signal } = exchange
  try {
    await file.probe(signal)
  } catch (error) {
    if (!(error instanceof EvictedError)) throw error
    const read = await file.prepare(undefined, { signal }) // To say of it what GET says.
    read.close()
  }
  exchange.answer(200, [...describe(file.isProven), ...bodyFields(contentTypeOf(file), file.size)])
}

/** Whether the client will put the range together with what it has of the same content. */
function continues({ headers }: Exchange): boolean {
  return headers['if-range'] !== undefined || headers['if-match'] !== undefined
}

async function send(
  exchange: Exchange,
  file: StoredFile,
  options: Pick<PrepareOptions, 'verify' | 'prove'>,
  content: Content,
  describe: Describe,
): Promise<void> {
  const ranges = content.segments.filter((segment) => 'start' in segment)
  // One chunk is fetched sooner than a signal is made, and there is no next one to save.
  const signal = file.manifest.chunkCount > 1 ? exchange.signal : undefined
  const read = await file.prepare(ranges, { ...options, signal })
  try {
    const fields = [...describe(read.isProven), ...content.fields]
    await respond(exchange, { ...content, fields }, read)
  } finally {
    read.close()
  }
}

/** `undefined` is the whole file. */
function rangesOf(
  { headers }: Exchange,
  { size }: StoredFile,
  validators: Validators,
): ByteRange[] | undefined {
  const { range } = headers
  if (!range || !mayServeRange(headers['if-range']?.toString(), validators)) return undefined
  const ranges = parseRange(range, size)
  if (ranges !== 'unsatisfiable') return ranges
  throw new HttpProblem('range-not-satisfiable', `the file has ${size} bytes, and none of these`, {
    'Content-Range': `bytes */${size}`,
  })
}

/** @param ranges `undefined` for the whole file. */
function contentOf(file: StoredFile, ranges: ByteRange[] | undefined): Content {
  const type = contentTypeOf(file)
  if (ranges === undefined) {
    const fields = bodyFields(type, file.size)
    return { status: 200, fields, segments: [{ start: 0, end: file.size }] }
  }
  const [range, second] = ranges
  if (second !== undefined) {
    const body = new ByteRangesBody(ranges, file.size, type)
    const fields = bodyFields(body.contentType, body.length)
    return { status: 206, fields, segments: body.segments }
  }
  const fields = bodyFields(type, range!.end - range!.start)
  fields.push('Content-Range', contentRange(range!, file.size))
  return { status: 206, fields, segments: ranges }
}
