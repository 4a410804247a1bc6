import memjs from 'memjs'
import { violation } from '../connection-error.ts'
import type { Allocate, ByteSink, Codec, Head, Reply, Request, Verb } from './protocol.ts'

/*
 * The binary protocol of memcached:
 * https://github.com/memcached/memcached/wiki/BinaryProtocolRevamped
 *
 * memjs encodes it: its `makeRequestBuffer` and `makeExpiration` make the template of each request,
 * of which `encode` fills a copy. The rest of memjs is not used. Its encoders and `parseMessage`
 * copy values. Of the 15 µs of a 4 KB get, `makeRequestBuffer` for each request would take 2.5 more
 * and `Header.fromBuffer` for each reply 0.3. Its `Server` and `Client` return wrong values or hang
 * when a connection breaks.
 */
const { makeRequestBuffer, makeExpiration } = memjs.Utils

const RESPONSE_MAGIC = 0x81
const HEADER_LENGTH = 24
/** Where a header has its fields; the expiry of a request is the last of its extras. */
const AT = { keyLength: 2, bodyLength: 8, opaque: 12, cas: 16 }
/** The flags, which we do not use, and the expiry. */
const STORE_EXTRAS = Buffer.concat([Buffer.alloc(4), makeExpiration(0)])

/** Requests without key, value, opaque and CAS. */
const TEMPLATES: Record<Verb, Buffer> = {
  get: makeRequestBuffer(0x00, '', '', ''),
  gets: makeRequestBuffer(0x00, '', '', ''),
  set: makeRequestBuffer(0x01, '', STORE_EXTRAS, ''),
  add: makeRequestBuffer(0x02, '', STORE_EXTRAS, ''),
  delete: makeRequestBuffer(0x04, '', '', ''),
  noop: makeRequestBuffer(0x0a, '', '', ''),
  stats: makeRequestBuffer(0x10, '', '', ''),
  touch: makeRequestBuffer(0x1c, '', makeExpiration(0), ''),
  auth: makeRequestBuffer(0x21, '', '', ''),
}

const OK = 0x00
/** What each status means; a reply with another one is a violation. */
const REPLIES = new Map<number, Reply>([
  [OK, { status: 'ok' }],
  [0x01, { status: 'not-found', text: 'key not found' }],
  [0x02, { status: 'exists', text: 'key exists' }],
  [0x03, { status: 'too-large', text: 'value too large' }],
  [0x04, { status: 'error', text: 'invalid arguments' }],
  [0x05, { status: 'error', text: 'item not stored' }],
  [0x06, { status: 'error', text: 'not a number' }],
  [0x07, { status: 'error', text: 'wrong virtual bucket' }],
  [0x08, { status: 'error', text: 'authentication error' }],
  [0x09, { status: 'error', text: 'authentication continues' }],
  [0x20, { status: 'unauthorized', text: 'authentication failed' }],
  [0x21, { status: 'error', text: 'authentication continues' }],
  [0x81, { status: 'error', text: 'unknown command' }],
  [0x82, { status: 'out-of-memory', text: 'out of memory' }],
  [0x83, { status: 'error', text: 'not supported' }],
  [0x84, { status: 'error', text: 'internal error' }],
  [0x85, { status: 'error', text: 'busy' }],
  [0x86, { status: 'error', text: 'temporary failure' }],
])

interface Header {
  opcode: number
  keyLength: number
  extrasLength: number
  status: number
  bodyLength: number
  opaque: number
}

/** The longest text of an error, or of the reply to `auth`. */
const MAX_TEXT = 1024
const MAX_FIGURE_NAME = 250
const MAX_FIGURE = 16 * 1024
/** Figures that one reply to `stats` may have; memcached has about a hundred. */
const MAX_FIGURES = 10_000
const EMPTY: Buffer = Buffer.alloc(0)

export class BinaryCodec implements Codec {
  readonly lacks: ReadonlySet<Verb> = new Set()
  readonly maxHeadLength = HEADER_LENGTH + MAX_FIGURE_NAME + MAX_FIGURE
  /** The opaque of the next request, and that of the oldest one without a reply. */
  #nextOpaque: number
  #oldestOpaque: number
  /** What has come of the reply to `stats` that is being read. */
  #figures = new Map<string, string>()
  #figureHeads = 0

  /** @param opaque The first one; 32 bits. Default: any, so that connections do not share them. */
  constructor(opaque = Math.floor(Math.random() * 2 ** 32)) {
    this.#nextOpaque = opaque
    this.#oldestOpaque = opaque
  }

  encode(request: Request, sink: ByteSink): void {
    const { verb, key = '', value, exptime, cas } = withSaslPlain(request)
    const template = TEMPLATES[verb]
    const head = Buffer.allocUnsafe(template.length + key.length)
    head.set(template)
    head.writeUInt16BE(key.length, AT.keyLength)
    head.writeUInt32BE(head.length - HEADER_LENGTH + (value?.length ?? 0), AT.bodyLength)
    head.writeUInt32BE(this.#nextOpaque, AT.opaque)
    if (cas !== undefined) head.writeBigUInt64BE(cas, AT.cas)
    if (exptime !== undefined) head.writeUInt32BE(exptime, template.length - 4)
    head.write(key, template.length, 'latin1')
    this.#nextOpaque = (this.#nextOpaque + 1) >>> 0
    sink.add(head)
    if (value !== undefined) sink.add(value)
  }

  parse(bytes: Buffer, start: number, request: Request, maxValue: number): Head | undefined {
    const bodyStart = start + HEADER_LENGTH
    if (bytes.length < bodyStart) return undefined
    const header = readHeader(bytes, start)
    const reply = this.#check(header, request.verb, maxValue)
    const { status, keyLength, extrasLength, bodyLength } = header
    if (status === OK && (request.verb === 'get' || request.verb === 'gets')) {
      if (bytes.length < bodyStart + extrasLength) return undefined
      const cas = request.verb === 'gets' ? bytes.readBigUInt64BE(start + AT.cas) : undefined
      return this.#openValue(header, cas, request.allocate)
    }
    const end = bodyStart + bodyLength
    if (bytes.length < end) return undefined
    const length = end - start
    if (request.verb !== 'stats') return this.#answered(length, reply)
    const figures = this.#figures
    if (status === OK && bodyLength > 0) {
      const valueStart = bodyStart + keyLength
      const name = bytes.toString('latin1', bodyStart, valueStart)
      figures.set(name, bytes.toString('latin1', valueStart, end))
      if (++this.#figureHeads > MAX_FIGURES) throw violation('an answer without an end')
      return { length, value: undefined, reply: undefined }
    }
    this.#figures = new Map()
    this.#figureHeads = 0
    return this.#answered(length, status === OK ? { status: 'ok', figures } : reply)
  }

  /** Returns what the status of a reply means. */
  #check(header: Header, verb: Verb, maxValue: number): Reply {
    if (header.opcode !== TEMPLATES[verb][1] || header.opaque !== this.#oldestOpaque) {
      throw violation('a response to another request')
    }
    const reply = REPLIES.get(header.status)
    if (reply === undefined) throw violation('a response of an unknown status')
    const { keyLength, extrasLength, bodyLength } = header
    const valueLength = bodyLength - keyLength - extrasLength
    const limits = header.status === OK ? LIMITS[verb] : TEXT
    if (
      valueLength < 0 ||
      valueLength > (limits === VALUE ? maxValue : limits.value) ||
      keyLength > limits.key ||
      extrasLength > limits.extras ||
      extrasLength < limits.minExtras
    ) {
      throw violation('a response of impossible lengths')
    }
    return reply
  }

  #openValue(
    { extrasLength, bodyLength }: Header,
    cas: bigint | undefined,
    allocate: Allocate = Buffer.allocUnsafe,
  ): Head {
    const valueLength = bodyLength - extrasLength
    const value = valueLength === 0 ? EMPTY : allocate(valueLength)
    const reply: Reply = cas === undefined ? { status: 'ok', value } : { status: 'ok', value, cas }
    return this.#answered(HEADER_LENGTH + extrasLength, reply, value)
  }

  #answered(length: number, reply: Reply, value?: Buffer): Head {
    this.#oldestOpaque = (this.#oldestOpaque + 1) >>> 0
    return { length, value, reply }
  }
}

/** @throws {ConnectionError} for bytes that are no header of a reply. */
function readHeader(bytes: Buffer, start: number): Header {
  if (bytes[start] !== RESPONSE_MAGIC) throw violation('a response without the magic byte')
  if (bytes[start + 5] !== 0) throw violation('a response of an unknown data type')
  return {
    opcode: bytes[start + 1]!,
    keyLength: bytes.readUInt16BE(start + AT.keyLength),
    extrasLength: bytes[start + 4]!,
    status: bytes.readUInt16BE(start + 6),
    bodyLength: bytes.readUInt32BE(start + AT.bodyLength),
    opaque: bytes.readUInt32BE(start + AT.opaque),
  }
}

/** Returns `request`; if it is an `auth`, with the credentials as its key and value (RFC 4616). */
function withSaslPlain(request: Request): Request {
  if (request.credentials === undefined) return request
  const { username, password } = request.credentials
  return { verb: request.verb, key: 'PLAIN', value: Buffer.from(`\0${username}\0${password}`) }
}

/** The most bytes that each part of a reply may have. */
const limit = (value: number, key = 0, extras = 0, minExtras = 0) => ({
  value,
  key,
  extras,
  minExtras,
})
const NOTHING = limit(0)
const TEXT = limit(MAX_TEXT)
/** As long as the caller says. */
const VALUE = limit(Number.POSITIVE_INFINITY, 0, 4, 4)
const LIMITS: Record<Verb, ReturnType<typeof limit>> = {
  get: VALUE,
  gets: VALUE,
  set: NOTHING,
  add: NOTHING,
  delete: NOTHING,
  noop: NOTHING,
  touch: limit(0, 0, 4),
  stats: limit(MAX_FIGURE, MAX_FIGURE_NAME),
  auth: TEXT,
}
