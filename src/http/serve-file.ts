import type { Context } from 'koa'
import { type ByteRange, PreconditionFailedError, type StoredFile } from '../index.ts'
import { ByteRangesBody } from './byteranges.ts'
import {
  type AskedBy,
  bodyFields,
  contentFields,
  contentTypeOf,
  dispositionField,
  type Fields,
  fileFields,
  setFields,
} from './content-headers.ts'
import { evaluate, mayServeRange, type Validators } from './preconditions.ts'
import { HttpProblem } from './problem.ts'
import { choice } from './query.ts'
import { contentRange, parseRange } from './range.ts'
import { type Head, type Segment, send } from './send.ts'
import { abortSignal, readSignal } from './signal.ts'

/** Answers GET and HEAD: the status is sent when everything it promises has been verified. */
export async function serveFile(ctx: Context, file: StoredFile, by: AskedBy): Promise<void> {
  const verify = choice(ctx, 'verify', ['full', 'stream'])
  const validators = { hash: file.hash, lastModified: by === 'name' ? file.storedAt : undefined }
  const fields = fileFields(file, by)
  const verdict = evaluate(ctx.method, ctx.headers, validators)
  if (verdict === 'failed') throw new PreconditionFailedError('the file is another one')
  if (verdict === 'not-modified') {
    setFields(ctx.res, fields)
    ctx.status = 304
    return
  }
  fields.push(...contentFields(ctx.headers, file), ...dispositionField(ctx, file))
  if (ctx.method === 'HEAD') {
    await file.probe(abortSignal(ctx))
    ctx.respond = false
    ctx.res.writeHead(200, [...fields, ...bodyFields(contentTypeOf(file), file.size)]).end()
    return
  }
  const ranges = rangesOf(ctx, file, validators)
  const wanted = ranges ?? [{ start: 0, end: file.size }]
  const read = await file.prepare(wanted, { verify, signal: readSignal(ctx, file) })
  try {
    const { head, segments } = answer(file, ranges, fields)
    ctx.respond = false
    await send(ctx.res, head, read, segments)
  } finally {
    ctx.respond = !ctx.res.headersSent
    read.close()
  }
}

/** `undefined` is the whole file. */
function rangesOf(
  ctx: Context,
  { size }: StoredFile,
  validators: Validators,
): ByteRange[] | undefined {
  const field = ctx.get('Range')
  if (field === '' || !mayServeRange(ctx.get('If-Range'), validators)) return undefined
  const ranges = parseRange(field, size)
  if (ranges !== 'unsatisfiable') return ranges
  throw new HttpProblem('range-not-satisfiable', `the file has ${size} bytes, and none of these`, {
    'Content-Range': `bytes */${size}`,
  })
}

/** @param ranges `undefined` for the whole file. */
function answer(
  file: StoredFile,
  ranges: ByteRange[] | undefined,
  fields: Fields,
): { head: Head; segments: readonly Segment[] } {
  const type = contentTypeOf(file)
  if (ranges === undefined) {
    const own = bodyFields(type, file.size)
    const segments = [{ start: 0, end: file.size }]
    return { head: { status: 200, fields: [...fields, ...own] }, segments }
  }
  const [range, second] = ranges
  if (second !== undefined) {
    const body = new ByteRangesBody(ranges, file.size, type)
    const own = bodyFields(body.contentType, body.length)
    return { head: { status: 206, fields: [...fields, ...own] }, segments: body.segments }
  }
  const own = bodyFields(type, range!.end - range!.start)
  own.push('Content-Range', contentRange(range!, file.size))
  return { head: { status: 206, fields: [...fields, ...own] }, segments: ranges }
}
