/** The bytes are not a Protocol Buffers message of the kind that was looked for. */
export class MalformedMessageError extends Error {
  readonly code = 'malformed-message'

  constructor(message: string) {
    super(message)
    this.name = 'MalformedMessageError'
  }
}

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5
const MAX_FIELD_NUMBER = 2 ** 29 - 1

/**
 * The fields of a message in the Protocol Buffers wire format, one after the other, in the order they were
 * written. Reads only what is there, copies nothing and does not descend: a message in a field is read when
 * the caller asks for it, so that the caller's code bounds the depth.
 */
export class Fields {
  /** Of the field that was read last. */
  number = 0
  readonly #message: Buffer
  #at = 0
  /** Where the bytes of the field begin, unless it is a number. */
  #start: number | undefined

  constructor(message: Buffer) {
    this.#message = message
  }

  /**
   * Reads the next field; returns whether there is one.
   * @throws {MalformedMessageError}
   */
  next(): boolean {
    if (this.#at >= this.#message.length) return false
    const tag = this.#varint()
    this.number = Math.floor(tag / 8)
    if (this.number < 1 || this.number > MAX_FIELD_NUMBER) {
      throw new MalformedMessageError('no such field')
    }
    this.#start = undefined
    this.#pass(tag % 8)
    return true
  }

  /** Whether the field is a string or a message. */
  get hasBytes(): boolean {
    return this.#start !== undefined
  }

  /** @throws {MalformedMessageError} unless the field is a string or a message. */
  get bytes(): Buffer {
    if (this.#start !== undefined) return this.#message.subarray(this.#start, this.#at)
    throw new MalformedMessageError(`field ${this.number} is neither a string nor a message`)
  }

  #pass(wireType: number): void {
    if (wireType === BYTES) {
      const length = this.#varint()
      this.#start = this.#at
      this.#skip(length)
    } else if (wireType === VARINT) this.#varint()
    else if (wireType === FIXED64) this.#skip(8)
    else if (wireType === FIXED32) this.#skip(4)
    else throw new MalformedMessageError(`there is no wire type ${wireType} in proto3`)
  }

  #skip(length: number): void {
    if (length > this.#message.length - this.#at) {
      throw new MalformedMessageError('a field is cut short')
    }
    this.#at += length
  }

  #varint(): number {
    let value = 0
    for (let factor = 1, length = 1; length <= 10; length++, factor *= 128) {
      const byte = this.#message[this.#at++]
      if (byte === undefined) throw new MalformedMessageError('a varint is cut short')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw new MalformedMessageError('a varint has more than ten bytes')
  }
}
