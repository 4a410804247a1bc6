import { violation } from '../connection-error.ts'
import type { Codec, Head, Reply, Request } from '../protocol/protocol.ts'

export interface ReceiverHooks {
  /** Returns the oldest request without a reply; it is the same until `answered`. */
  oldest(): Request | undefined
  /** Returns the largest value that a get may bring now, in bytes. */
  maxValue(): number
  answered(reply: Reply): void
}

/** Holds many small replies, or the start of a large value, which is then copied to its place. */
const SHARED_LENGTH = 64 * 1024
/** Bytes. A value that lacks fewer is read faster together with what comes after it. */
const DIRECT_MIN = 32 * 1024

/**
 * Has a codec cut the bytes of one connection into replies. The work is linear in the bytes: all of
 * a large value but its start is read straight into the memory that belongs to it.
 */
export class Receiver {
  readonly #codec: Codec
  readonly #hooks: ReceiverHooks
  readonly #shared = Buffer.allocUnsafeSlow(SHARED_LENGTH)
  /** The start of a head that goes on in the next packet. */
  readonly #partial: Buffer
  #partialLength = 0
  /** What is being received, until it is full. */
  #value: Buffer | undefined
  #filled = 0
  /** What to tell when `#value` is full. */
  #reply: Reply | undefined
  #readsValue = false

  constructor(codec: Codec, hooks: ReceiverHooks) {
    this.#codec = codec
    this.#hooks = hooks
    this.#partial = Buffer.allocUnsafeSlow(codec.maxHeadLength)
  }

  /** Returns where the next bytes are to be read to; call `received` with how many they were. */
  nextBuffer(): Buffer {
    const value = this.#value
    this.#readsValue = value !== undefined && value.length - this.#filled >= DIRECT_MIN
    return this.#readsValue ? value!.subarray(this.#filled) : this.#shared
  }

  /** @throws {ConnectionError} `protocol`; the connection cannot be used any more then. */
  received(length: number): void {
    if (this.#readsValue) this.#advance(length)
    else this.#take(this.#shared.subarray(0, length))
  }

  #take(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      at += this.#value === undefined ? this.#takeHead(bytes, at) : this.#takeValue(bytes, at)
    }
  }

  /** Returns how many of the bytes were taken. */
  #takeHead(bytes: Buffer, at: number): number {
    const oldest = this.#hooks.oldest()
    if (oldest === undefined) throw violation('what was not asked for')
    if (this.#partialLength === 0) {
      const head = this.#codec.parse(bytes, at, oldest, this.#hooks.maxValue())
      if (head !== undefined) return this.#takeParsed(head)
    }
    const known = this.#partialLength
    const added = bytes.copy(this.#partial, known, at)
    this.#partialLength += added
    if (known === 0) {
      if (added < bytes.length - at) throw violation('a head without an end')
      return added
    }
    const partial = this.#partial.subarray(0, this.#partialLength)
    const head = this.#codec.parse(partial, 0, oldest, this.#hooks.maxValue())
    if (head !== undefined) {
      this.#partialLength = 0
      return this.#takeParsed(head) - known
    }
    if (this.#partialLength === this.#partial.length) throw violation('a head without an end')
    return added
  }

  #takeParsed({ length, value, reply }: Head): number {
    this.#reply = reply
    this.#filled = 0
    if (value !== undefined && value.length > 0) this.#value = value
    else this.#finish()
    return length
  }

  #takeValue(bytes: Buffer, at: number): number {
    const taken = bytes.copy(this.#value!, this.#filled, at)
    this.#advance(taken)
    return taken
  }

  #advance(length: number): void {
    this.#filled += length
    if (this.#filled === this.#value!.length) this.#finish()
  }

  #finish(): void {
    const reply = this.#reply
    this.#value = undefined
    this.#reply = undefined
    if (reply !== undefined) this.#hooks.answered(reply)
  }
}
