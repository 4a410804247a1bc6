import { evaluate } from '../../api/preconditions.ts'
import {
  type Filling,
  PreconditionFailedError,
  type ProducedFile,
  type StoredFile,
} from '../../index.ts'
import type { OriginContent, OriginPart } from '../../origin/index.ts'
import { type AnswerOptions, answerStored, askedBy, type ContentRef } from '../content/get.ts'
import { respondAll } from '../content/respond.ts'
import type { Exchange } from '../exchange/exchange.ts'
import {
  CONTENT_ENCODING,
  contentTypeOf,
  dispositionField,
  encodingField,
  type Fields,
  HARMLESS,
} from '../fields/content.ts'
import { cacheStatusOf, servedAs } from './cache-status.ts'

/** A file that comes from the origin now. */
export type Producing = Extract<Filling, { readonly file: ProducedFile }>

export interface PassOptions extends Pick<AnswerOptions, 'fieldsOf'> {
  ref: ContentRef
}

/** Bytes that are held back: of a file up to this size all is known before the status is sent. */
const HELD = 64 * 1024

/** What is known of bytes that are passed on while they come. */
type Passed = Pick<ProducedFile, 'type' | 'attributes' | 'size'>

/**
 * Answers with a file while it comes from the origin. What is cut or turns out to be wrong cuts the
 * connection: no client takes it for the whole.
 * When it rejects, the file may not have been read: cancel it.
 * @returns The stored file, where all of it was stored before the status was sent.
 */
export async function passFile(
  exchange: Exchange,
  filling: Producing,
  { ref, fieldsOf }: PassOptions,
): Promise<StoredFile | undefined> {
  const { method, headers } = exchange
  const { file } = filling
  const isStored = filling.outcome === 'filling'
  const cacheStatus = cacheStatusOf(filling)
  // There is a file, whose hash is not known: `*` is all that can be said of it.
  if (evaluate(method, headers, { hash: '' }) === 'failed') {
    throw new PreconditionFailedError('the file is another one')
  }
  const fields = passedFields(file, isStored)
  const download = exchange.query.text('download')
  if (download !== undefined) {
    const asked = 'name' in ref ? ref.name : ref.hash.hex
    fields.push(...dispositionField(download, { name: asked, hash: asked }))
  }
  const head: Head = { status: 200, fields: [...fields, 'Cache-Status', cacheStatus] }
  if (method === 'HEAD') {
    file.cancel()
    begin(exchange, head)
    exchange.res.end()
    return undefined
  }
  const held = await sendPast(exchange, head, file.stream())
  if (held === undefined) return undefined
  const stored = isStored ? await file.stored.catch(() => undefined) : undefined
  if (stored !== undefined) {
    await answerStored(exchange, stored, askedBy(ref), held, { cacheStatus, fieldsOf })
    return stored
  }
  const passed = { ...filling, outcome: 'unstored' } as const
  exchange.filled = servedAs(passed)
  exchange.isHit = true
  fields.push('Cache-Status', cacheStatusOf(passed))
  await respondAll(exchange, { status: 200, fields }, held)
  return undefined
}

/** Answers with what the origin has sent to a range: the part, or the whole. */
export async function passAnswer(
  exchange: Exchange,
  answer: OriginPart | OriginContent,
): Promise<void> {
  const { body, type, encoding, size } = answer
  const file = {
    attributes: encoding === undefined ? {} : { [CONTENT_ENCODING]: encoding },
    ...(type !== undefined && { type }),
    ...(size !== undefined && { size }),
  }
  const fields = passedFields(file, false)
  fields.push('Cache-Status', 'blobcached; fwd=miss; detail=range')
  if (answer.kind === 'part') fields.push('Content-Range', answer.contentRange)
  const status = answer.kind === 'part' ? 206 : 200
  const held = await sendPast(exchange, { status, fields }, body)
  if (held === undefined) return
  exchange.isHit = true
  await respondAll(exchange, { status, fields }, held)
}

interface Head {
  readonly status: 200 | 206
  readonly fields: Fields
}

function begin(exchange: Exchange, { status, fields }: Head): void {
  exchange.writeHead(status, fields)
  exchange.isHit = true
}

/** Without an entity tag, which is the hash of bytes that have not come yet. */
function passedFields(file: Passed, isStored: boolean): Fields {
  return [
    ...['Content-Type', contentTypeOf(file)],
    ...(file.size === undefined ? [] : ['Content-Length', file.size]),
    // What must not be stored here is not to be stored elsewhere on our word.
    ...['Cache-Control', isStored ? 'no-cache' : 'no-store'],
    ...HARMLESS,
    ...encodingField(file),
  ]
}

/** Sends what passes `HELD` as it comes; resolves with all the bytes where there are no more than that. */
async function sendPast(
  exchange: Exchange,
  head: Head,
  pieces: AsyncIterable<Buffer>,
): Promise<Buffer[] | undefined> {
  const { res } = exchange
  const held: Buffer[] = []
  let size = 0
  for await (const piece of pieces) {
    size += piece.length
    if (size <= HELD) {
      held.push(piece)
      continue
    }
    if (!res.headersSent) begin(exchange, head)
    for (const each of held.splice(0)) await exchange.write(each)
    await exchange.write(piece)
  }
  if (size <= HELD) return held
  res.end()
  await exchange.sent()
  return undefined
}
