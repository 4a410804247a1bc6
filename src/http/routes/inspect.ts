import type { HealthJson, ManifestJson } from '../../api/chunks.ts'
import type { Chunk, FileStore, StoredFile } from '../../index.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { type AskedBy, cacheControl } from '../fields/content.ts'

/** Entries of a list that are made into text at once. */
const BATCH = 500
/** Bytes of memory for each chunk that is told of: its digest, or all that a look at it has found. */
const COST = { manifest: 64, health: 400, batch: BATCH * 300 }

/** Which chunks a file consists of, as its link says. */
export async function answerManifest(
  exchange: Exchange,
  store: FileStore,
  file: StoredFile,
  by: AskedBy,
): Promise<void> {
  const { hash, size, manifest, isProven } = file
  const answer = () => {
    const summary = { hash, size, chunkSize: manifest.chunkSize }
    const chunks = mapped(manifest.chunks(), describeChunk)
    return answerWithChunks(exchange, cacheControl(file, by, isProven), summary, chunks)
  }
  const cost = COST.batch + COST.manifest * manifest.chunkCount
  await store.withMemory(cost, answer, { kind: 'sending', signal: exchange.signal })
}

/** Reads every chunk and tells which are there and right. */
export async function answerHealth(
  exchange: Exchange,
  store: FileStore,
  file: StoredFile,
): Promise<void> {
  const { signal } = exchange
  const answer = async () => {
    const { chunks, ...summary } = await file.verify({ signal })
    await answerWithChunks(exchange, 'no-store', summary, chunks)
  }
  const cost = COST.batch + COST.health * file.manifest.chunkCount
  await store.withMemory(cost, answer, { kind: 'sending', signal })
}

function describeChunk({ digest, offset, size }: Chunk): ManifestJson['chunks'][number] {
  return { hash: digest.hex, offset, size }
}

/** In pieces: a large file has tens of thousands of chunks. */
async function answerWithChunks(
  exchange: Exchange,
  caching: string,
  summary: Omit<ManifestJson, 'chunks'> | Omit<HealthJson, 'chunks'>,
  chunks: Iterable<object>,
): Promise<void> {
  exchange.writeHead(200, [
    ...['Cache-Control', caching],
    ...['Content-Type', 'application/json; charset=utf-8'],
  ])
  for (const text of jsonWithChunks(summary, chunks)) await exchange.write(Buffer.from(text))
  exchange.res.end()
  await exchange.sent()
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
