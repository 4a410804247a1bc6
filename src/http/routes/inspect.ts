import { Readable } from 'node:stream'
import type { Context } from 'koa'
import type { HealthJson, ManifestJson } from '../../api/chunks.ts'
import type { Chunk, StoredFile } from '../../index.ts'
import { type AskedBy, cacheControl } from '../fields/content.ts'

/** Entries of a list that are made into text at once. */
const BATCH = 500

/** Which chunks a file consists of, as its link says. */
export function answerManifest(ctx: Context, file: StoredFile, by: AskedBy): void {
  const { hash, size, manifest } = file
  ctx.set('Cache-Control', cacheControl(file, by))
  const chunks = mapped(manifest.chunks(), describeChunk)
  answerWithChunks(ctx, { hash, size, chunkSize: manifest.chunkSize }, chunks)
}

/** Reads every chunk and tells which are there and right. */
export async function answerHealth(ctx: Context, file: StoredFile): Promise<void> {
  const { chunks, ...summary } = await file.verify({ signal: ctx.exchange.signal })
  ctx.set('Cache-Control', 'no-store')
  answerWithChunks(ctx, summary, chunks)
}

function describeChunk({ digest, offset, size }: Chunk): ManifestJson['chunks'][number] {
  return { hash: digest.hex, offset, size }
}

/** In pieces: a large file has tens of thousands of chunks. */
function answerWithChunks(
  ctx: Context,
  summary: Omit<ManifestJson, 'chunks'> | Omit<HealthJson, 'chunks'>,
  chunks: Iterable<object>,
): void {
  ctx.type = 'application/json'
  ctx.body = Readable.from(jsonWithChunks(summary, chunks), { objectMode: false })
}

function* jsonWithChunks(summary: object, chunks: Iterable<object>): Generator<string> {
  yield `${JSON.stringify(summary).slice(0, -1)},"chunks":[`
  let batch: string[] = []
  let separator = ''
  for (const chunk of chunks) {
    batch.push(JSON.stringify(chunk))
    if (batch.length < BATCH) continue
    yield separator + batch.join(',')
    separator = ','
    batch = []
  }
  yield `${batch.length > 0 ? separator : ''}${batch.join(',')}]}`
}

function* mapped<T, R>(items: Iterable<T>, map: (item: T) => R): Generator<R> {
  for (const item of items) yield map(item)
}
