import { ConnectionError } from './connection-error.ts'
import { HEADER_LENGTH, Opcode, RESPONSE_MAGIC, Status, statusName } from './protocol.ts'
import type { Allocate } from './request.ts'

/** A response in the shape that memjs gives its callbacks, without the extras: nobody needs a value's flags. */
export interface Response {
  readonly header: ResponseHeader
  readonly key: Buffer
  /** In memory that the request's `allocate` gave, if it did; nothing else refers to it. */
  readonly val: Buffer
}

export class ResponseHeader {
  readonly opcode: number
  readonly keyLength: number
  readonly extrasLength: number
  readonly status: number
  readonly totalBodyLength: number
  readonly opaque: number
  readonly #casHigh: number
  readonly #casLow: number

  constructor(bytes: Buffer, start: number) {
    this.opcode = bytes[start + 1]!
    this.keyLength = bytes.readUInt16BE(start + 2)
    this.extrasLength = bytes[start + 4]!
    this.status = bytes.readUInt16BE(start + 6)
    this.totalBodyLength = bytes.readUInt32BE(start + 8)
    this.opaque = bytes.readUInt32BE(start + 12)
    this.#casHigh = bytes.readUInt32BE(start + 16)
    this.#casLow = bytes.readUInt32BE(start + 20)
  }

  /** Put together for those who ask, who are few: a bigint takes as long as all the rest. */
  get cas(): bigint {
    return (BigInt(this.#casHigh) << 32n) | BigInt(this.#casLow)
  }
}

/** The request that the next response must belong to. */
export interface Expected {
  readonly opcode: number
  readonly opaque: number
  /** Where its value is received. */
  readonly allocate?: Allocate | undefined
}

/** The longest text of an error, version or SASL answer. */
const MAX_TEXT = 1024
const MAX_STAT_KEY = 250
const MAX_STAT_VALUE = 16 * 1024

/** The most that can come before the value: header, extras and key. */
export const MAX_PREFIX_LENGTH = HEADER_LENGTH + 255 + MAX_STAT_KEY

/**
 * Reads the header at `start` of `bytes`, and believes nothing: it must answer `expected`, its
 * lengths must add up, and its body must be no larger than such an answer can be.
 * @throws {ConnectionError} `protocol`
 */
export function parseHeader(
  bytes: Buffer,
  start: number,
  expected: Expected,
  maxValue: number,
): ResponseHeader {
  if (bytes[start] !== RESPONSE_MAGIC) throw violation('a response without the magic byte')
  const header = new ResponseHeader(bytes, start)
  if (header.opcode !== expected.opcode || header.opaque !== expected.opaque) {
    throw violation('a response to another request')
  }
  if (bytes[start + 5] !== 0) throw violation('a response of an unknown data type')
  if (statusName(header.status) === undefined) throw violation('a response of an unknown status')
  checkLengths(header, maxValue)
  return header
}

function checkLengths(header: ResponseHeader, maxValue: number): void {
  const { keyLength, extrasLength, totalBodyLength } = header
  const valueLength = totalBodyLength - keyLength - extrasLength
  const limit = limitsOf(header, maxValue)
  if (
    valueLength < 0 ||
    valueLength > limit.value ||
    keyLength > limit.key ||
    extrasLength > limit.extras ||
    extrasLength < limit.minExtras
  ) {
    throw violation('a response of impossible lengths')
  }
}

const limits = (value: number, key: number, extras: number, minExtras: number) => ({
  value,
  key,
  extras,
  minExtras,
})
const NOTHING = limits(0, 0, 0, 0)
const TEXT = limits(MAX_TEXT, 0, 0, 0)
const STAT = limits(MAX_STAT_VALUE, MAX_STAT_KEY, 0, 0)
const TOUCHED = limits(0, 0, 4, 0)

function limitsOf({ opcode, status }: ResponseHeader, maxValue: number) {
  if (status !== Status.ok) return TEXT
  switch (opcode) {
    case Opcode.get:
      return limits(maxValue, 0, 4, 4)
    case Opcode.set:
    case Opcode.add:
    case Opcode.delete:
    case Opcode.noop:
      return NOTHING
    case Opcode.touch:
      return TOUCHED
    case Opcode.stat:
      return STAT
    default:
      return TEXT
  }
}

export const violation = (what: string) => new ConnectionError('protocol', `memcached sent ${what}`)
