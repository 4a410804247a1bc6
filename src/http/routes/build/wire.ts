/** The bytes are not a Protocol Buffers message of the kind that was looked for. */
export class MalformedMessageError extends Error {
  readonly code = 'malformed-message'

  constructor(message: string) {
    super(message)
    this.name = 'MalformedMessageError'
  }
}

/** One field of a message: a number for a varint, bytes for a string or a message in it. */
export interface Field {
  readonly number: number
  /** `undefined` for fixed-width values, which nothing here asks for. */
  readonly value: number | Buffer | undefined
}

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

/**
 * The fields of a message in the Protocol Buffers wire format, in the order they were written.
 * Reads only what is there, copies nothing and does not descend: a message in a field is read when
 * the caller asks for it, so that the caller's code bounds the depth.
 * @throws {MalformedMessageError}
 */
export function* fieldsOf(message: Buffer): Generator<Field, void, undefined> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let factor = 1, length = 1; length <= 10; length++, factor *= 128) {
      const byte = message[at++]
      if (byte === undefined) throw new MalformedMessageError('a varint is cut short')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw new MalformedMessageError('a varint has more than ten bytes')
  }
  const take = (length: number): Buffer => {
    if (length > message.length - at) throw new MalformedMessageError('a field is cut short')
    at += length
    return message.subarray(at - length, at)
  }
  while (at < message.length) {
    const tag = varint()
    const number = Math.floor(tag / 8)
    if (number < 1 || number > MAX_FIELD_NUMBER) throw new MalformedMessageError('no such field')
    yield { number, value: readValue(tag % 8, varint, take) }
  }
}

const MAX_FIELD_NUMBER = 2 ** 29 - 1

function readValue(wireType: number, varint: () => number, take: (length: number) => Buffer) {
  switch (wireType) {
    case VARINT:
      return varint()
    case BYTES:
      return take(varint())
    case FIXED64:
      return void take(8)
    case FIXED32:
      return void take(4)
    default:
      throw new MalformedMessageError(`there is no wire type ${wireType} in proto3`)
  }
}

/** The bytes of a field that must be a string or a message. */
export function bytesOf({ number, value }: Field): Buffer {
  if (Buffer.isBuffer(value)) return value
  throw new MalformedMessageError(`field ${number} is neither a string nor a message`)
}
