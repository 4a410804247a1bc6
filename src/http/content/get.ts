import {
  type ByteRange,
  type Digest,
  type FileStore,
  PreconditionFailedError,
  type StoredFile,
} from '../../index.ts'
import type { Exchange } from '../exchange/exchange.ts'
import {
  bodyFields,
  contentFields,
  contentTypeOf,
  dispositionField,
  type Fields,
  fileFields,
} from '../fields/content.ts'
import { evaluate, isConditional, mayServeRange, type Validators } from '../fields/preconditions.ts'
import { contentRange, parseRange } from '../fields/range.ts'
import { HttpProblem } from '../problem.ts'
import { ByteRangesBody } from './byteranges.ts'
import { type Content, respond } from './respond.ts'

/** What a protocol adds to the reading of its files. */
export interface GetOptions {
  /** Called before anything of the file is looked at; throws to refuse it. */
  check?: (file: StoredFile) => Promise<void>
  /** Header fields of every answer that tells of the file. */
  fieldsOf?: (file: StoredFile) => Fields
}

/** Answers GET and HEAD: the status is sent when everything it promises has been verified. */
export async function getFile(
  exchange: Exchange,
  store: FileStore,
  ref: { readonly name: string } | { readonly hash: Digest },
  { check, fieldsOf }: GetOptions = {},
): Promise<void> {
  const { method, headers, query } = exchange
  const isConditioned = isConditional(headers)
  const file = await store.find(ref, { prefetch: method === 'GET' && !isConditioned })
  await check?.(file)
  const verify = query.choice('verify', ['full', 'stream']) ?? 'full'
  const by = 'name' in ref ? 'name' : 'hash'
  const validators = { hash: file.hash, lastModified: by === 'name' ? file.storedAt : undefined }
  const fields = fileFields(file, by)
  if (fieldsOf !== undefined) fields.push(...fieldsOf(file))
  const verdict = isConditioned ? evaluate(method, headers, validators) : 'proceed'
  if (verdict === 'failed') throw new PreconditionFailedError('the file is another one')
  try {
    if (verdict === 'not-modified') return exchange.answer(304, fields)
    fields.push(...contentFields(headers, file))
    const download = query.text('download')
    if (download !== undefined) fields.push(...dispositionField(download, file))
    if (method === 'HEAD') return await describe(exchange, file, fields)
    const ranges = rangesOf(exchange, file, validators)
    await send(exchange, file, verify, contentOf(file, ranges, fields))
  } finally {
    exchange.isHit = exchange.res.headersSent
  }
}

/** Promises what GET would send, when every chunk of it is there. */
async function describe(exchange: Exchange, file: StoredFile, fields: Fields): Promise<void> {
  await file.probe(exchange.signal)
  exchange.answer(200, [...fields, ...bodyFields(contentTypeOf(file), file.size)])
}

async function send(
  exchange: Exchange,
  file: StoredFile,
  verify: 'full' | 'stream',
  content: Content,
): Promise<void> {
  const ranges = content.segments.filter((segment) => 'start' in segment)
  // One chunk is fetched sooner than a signal is made, and there is no next one to save.
  const signal = file.manifest.chunkCount > 1 ? exchange.signal : undefined
  const read = await file.prepare(ranges, { verify, signal })
  try {
    await respond(exchange, content, read)
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
  if (!range || !mayServeRange(String(headers['if-range'] ?? ''), validators)) return undefined
  const ranges = parseRange(range, size)
  if (ranges !== 'unsatisfiable') return ranges
  throw new HttpProblem('range-not-satisfiable', `the file has ${size} bytes, and none of these`, {
    'Content-Range': `bytes */${size}`,
  })
}

/** @param ranges `undefined` for the whole file. */
function contentOf(file: StoredFile, ranges: ByteRange[] | undefined, fields: Fields): Content {
  const type = contentTypeOf(file)
  if (ranges === undefined) {
    fields.push(...bodyFields(type, file.size))
    return { status: 200, fields, segments: [{ start: 0, end: file.size }] }
  }
  const [range, second] = ranges
  if (second !== undefined) {
    const body = new ByteRangesBody(ranges, file.size, type)
    fields.push(...bodyFields(body.contentType, body.length))
    return { status: 206, fields, segments: body.segments }
  }
  fields.push(...bodyFields(type, range!.end - range!.start))
  fields.push('Content-Range', contentRange(range!, file.size))
  return { status: 206, fields, segments: ranges }
}
