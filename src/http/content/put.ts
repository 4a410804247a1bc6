import { CODINGS, contentCoding, etagOf } from '../../api/fields.ts'
import { receiptJson } from '../../api/receipt.ts'
import {
  Digest,
  type FileStore,
  InvalidArgumentError,
  type LinkOptions,
  type PutOptions,
  type Receipt,
} from '../../index.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { bodyFields, CONTENT_ENCODING } from '../fields/content.ts'
import { expectedDigest } from '../fields/digests.ts'
import { HttpProblem } from '../problem.ts'
import { commitOptions, underConditions } from './conditions.ts'

/** Bytes. */
const SMALL_BODY = 64 * 1024

/** What content has to be. */
export interface ContentRule {
  /** The message to a client whose content has no byte. Default: content may be empty. */
  readonly whyNotEmpty?: string
}

/**
 * Stores the request's body, or with `?from=` names content that is stored, and answers with the receipt:
 * 201 where something new came to be.
 */
export async function putFile(
  exchange: Exchange,
  store: FileStore,
  options: PutOptions & Partial<LinkOptions>,
  rule: ContentRule = {},
): Promise<void> {
  const { name } = options
  const isLink = name !== undefined && exchange.query.has('from')
  const put = isLink
    ? link(exchange, store, { ...options, name }, rule)
    : receive(exchange, store, options, rule)
  const receipt = await put
  const json = receiptJson(receipt, exchange.base)
  const body = JSON.stringify(json)
  exchange.answer(
    receipt.created ? 201 : 200,
    [
      'Location',
      json.url,
      'ETag',
      etagOf(receipt.hash),
      ...bodyFields('application/json; charset=utf-8', Buffer.byteLength(body)),
    ],
    body,
  )
}

/**
 * Streams the request's body into the store, as its query and fields ask for: `ttl`, digests,
 * preconditions. Nothing leads to the bytes when it fails.
 */
export function receive(
  exchange: Exchange,
  store: FileStore,
  options: PutOptions,
  rule: ContentRule = {},
): Promise<Receipt> {
  const { headers, contentLength: size } = exchange
  checkIsUpload(exchange)
  const path = typeof options.digest === 'string' ? Digest.parse(options.digest) : options.digest
  const digest = expectedDigest(headers, path)
  // A small chunk is stored sooner than a signal is made, and reading it fails when the client leaves.
  const isSmall = size !== undefined && size <= Math.min(SMALL_BODY, store.chunkSize)
  const upload = store.put(bodyOf(exchange, rule), {
    ...commitOptions(exchange, store, options, path),
    ...(options.name !== undefined && encodingOf(exchange, options)),
    ...(digest && { digest }),
    ...(size !== undefined && { size }),
    ...(!isSmall && { signal: exchange.signal }),
  })
  return underConditions(exchange, upload)
}

/** The request's body. It fails when it has to have a byte and has none, which with chunks shows at its end. */
function bodyOf(exchange: Exchange, { whyNotEmpty }: ContentRule): Exchange['body'] {
  if (whyNotEmpty === undefined || exchange.contentLength) return exchange.body
  if (exchange.hasBody) return withSomeByte(exchange.body, whyNotEmpty)
  throw new InvalidArgumentError(whyNotEmpty)
}

async function* withSomeByte(body: Exchange['body'], why: string): AsyncGenerator<Uint8Array> {
  let isEmpty = true
  for await (const piece of body) {
    isEmpty &&= piece.length === 0
    yield piece
  }
  if (isEmpty) throw new InvalidArgumentError(why)
}

/** `?from=<hash>`: names content that is here already, so its bytes need not be sent again. */
function link(
  exchange: Exchange,
  store: FileStore,
  options: LinkOptions,
  { whyNotEmpty }: ContentRule,
): Promise<Receipt> {
  const from = exchange.query.text('from')
  if (from === undefined || exchange.hasBody) {
    throw new InvalidArgumentError('from takes one content hash, and then there is no body', {
      expected: '?from=<hash> and an empty body',
    })
  }
  const { headers } = exchange
  refusePart(headers)
  const hash = Digest.parse(from)
  if (whyNotEmpty !== undefined && hash.equals(Digest.empty)) {
    throw new InvalidArgumentError(whyNotEmpty)
  }
  // Throws when they contradict each other. Content-Digest would be that of the empty body.
  expectedDigest({ ...headers, 'content-digest': undefined }, hash)
  const named = { ...options, ...encodingOf(exchange, options), signal: exchange.signal }
  return underConditions(exchange, store.link(hash, commitOptions(exchange, store, named)))
}

/** @throws {InvalidArgumentError} when the request is not for storing the whole of its body. */
export function checkIsUpload({ headers, query }: Exchange): void {
  if (query.has('from')) {
    throw new InvalidArgumentError('from names content that is stored for a file, and nothing else')
  }
  refusePart(headers)
}

function refusePart(headers: Exchange['headers']): void {
  if (headers['content-range'] === undefined) return
  throw new InvalidArgumentError('an upload is a whole file: Content-Range is not supported', {
    actual: String(headers['content-range']).slice(0, 100),
  })
}

/** The type that a name is stored with, as it was sent: bodies are never parsed by it. */
export function typeOf({ headers }: Exchange): { type?: string } {
  const type = headers['content-type']
  return type ? { type } : {}
}

/**
 * What is stored, hashed and served again is what was sent; that it is coded is kept with the name.
 * A coding that no client undoes on its own is refused rather than served as if it were content.
 */
function encodingOf(
  { headers }: Exchange,
  { attributes }: PutOptions,
): Pick<PutOptions, 'attributes'> | undefined {
  const coding = contentCoding(headers['content-encoding'])
  if (coding === 'identity') return undefined
  if (coding !== undefined) return { attributes: { ...attributes, [CONTENT_ENCODING]: coding } }
  throw new HttpProblem('unsupported-media-type', 'this Content-Encoding is not known here', {
    'Accept-Encoding': CODINGS.join(', '),
  })
}
