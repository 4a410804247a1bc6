import type { Context } from 'koa'
import { type ByteRange, PreconditionFailedError, type StoredFile } from '../index.ts'
import { ByteRangesBody } from './byteranges.ts'
import {
  type AskedBy,
  contentTypeOf,
  setContentHeaders,
  setFileHeaders,
} from './content-headers.ts'
import { evaluate, mayServeRange, type Validators } from './preconditions.ts'
import { HttpProblem } from './problem.ts'
import { choice } from './query.ts'
import { contentRange, parseRange } from './range.ts'
import { type Segment, send } from './send.ts'
import { abortSignal } from './signal.ts'

export type { AskedBy }

/** Answers GET and HEAD: the status is sent when everything it promises has been verified. */
export async function serveFile(ctx: Context, file: StoredFile, by: AskedBy): Promise<void> {
  const verify = choice(ctx, 'verify', ['full', 'stream'])
  const validators = { hash: file.hash, lastModified: by === 'name' ? file.storedAt : undefined }
  setFileHeaders(ctx, file, by)
  const verdict = evaluate(ctx.method, ctx.headers, validators)
  if (verdict === 'failed') throw new PreconditionFailedError('the file is another one')
  if (verdict === 'not-modified') {
    ctx.status = 304
    return
  }
  setContentHeaders(ctx, file)
  if (ctx.method === 'HEAD') {
    await file.probe(abortSignal(ctx))
    answer(ctx, 200, contentTypeOf(file), file.size)
    ctx.respond = false
    ctx.res.end()
    return
  }
  const ranges = rangesOf(ctx, file, validators)
  const whole = { start: 0, end: file.size }
  const read = await file.prepare(ranges ?? [whole], {
    ...(verify && { verify }),
    get signal() {
      return abortSignal(ctx) // Made where it is needed: most small files do without.
    },
  })
  try {
    const segments = ranges ? answerRanges(ctx, file, ranges) : answerWhole(ctx, file, whole)
    await send(ctx, read, segments)
    read.close({ sent: true })
  } finally {
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

function answerWhole(ctx: Context, file: StoredFile, whole: ByteRange): readonly Segment[] {
  answer(ctx, 200, contentTypeOf(file), file.size)
  return [whole]
}

function answerRanges(ctx: Context, file: StoredFile, ranges: ByteRange[]): readonly Segment[] {
  const [range, second] = ranges
  if (second === undefined) {
    ctx.set('Content-Range', contentRange(range!, file.size))
    answer(ctx, 206, contentTypeOf(file), range!.end - range!.start)
    return ranges
  }
  const body = new ByteRangesBody(ranges, file.size, contentTypeOf(file))
  answer(ctx, 206, body.contentType, body.length)
  return body.segments
}

function answer(ctx: Context, status: number, type: string, length: number): void {
  const { res } = ctx
  res.setHeader('Content-Type', type)
  res.setHeader('Cache-Status', 'blobcached; hit')
  res.setHeader('Content-Length', length)
  ctx.status = status
}
