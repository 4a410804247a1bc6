import { HEADER_LENGTH, Status } from './protocol.ts'
import {
  type Expected,
  MAX_PREFIX_LENGTH,
  parseHeader,
  type Response,
  type ResponseHeader,
  violation,
} from './response.ts'

export interface ReceiverHooks {
  /** The oldest request that has not been answered; it stays so until `deliver`. */
  expected(): Expected | undefined
  /** The largest value that a get may bring now. */
  maxValue(): number
  deliver(response: Response): void
}

const EMPTY: Buffer = Buffer.alloc(0)
/** Holds many small responses, or the start of a large one, which is then copied to its place. */
const SHARED_LENGTH = 64 * 1024
/** A value that lacks fewer bytes than this is better read together with what comes after it. */
const DIRECT_MIN = 32 * 1024

/**
 * Cuts the bytes of one connection into responses. Its work is linear in the bytes: each value gets
 * memory when its header has been checked, and all but the start of a large
 * one is read straight into that.
 */
export class Receiver {
  readonly #hooks: ReceiverHooks
  readonly #shared = Buffer.allocUnsafeSlow(SHARED_LENGTH)
  #readsValue = false
  /** What has come of a header, its extras and its key when they were cut by a packet's end. */
  readonly #prefix = Buffer.alloc(MAX_PREFIX_LENGTH)
  #prefixLength = 0
  #header: ResponseHeader | undefined
  #key = EMPTY
  #value: Buffer | undefined
  #filled = 0

  constructor(hooks: ReceiverHooks) {
    this.#hooks = hooks
  }

  /** Where the next bytes are to be read to; call `received` with how many they were. */
  nextBuffer(): Buffer {
    const value = this.#value
    this.#readsValue = value !== undefined && value.length - this.#filled >= DIRECT_MIN
    return this.#readsValue ? value!.subarray(this.#filled) : this.#shared
  }

  /** @throws {ConnectionError} `protocol`; there is no way on from that. */
  received(length: number): void {
    if (this.#readsValue) this.#advance(length)
    else this.#push(this.#shared.subarray(0, length))
  }

  #push(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      at = this.#value === undefined ? this.#takePrefix(bytes, at) : this.#takeValue(bytes, at)
    }
  }

  #takePrefix(bytes: Buffer, at: number): number {
    if (this.#hooks.expected() === undefined) throw violation('what nobody asked for')
    if (this.#prefixLength > 0 || bytes.length - at < MAX_PREFIX_LENGTH) {
      return this.#collectPrefix(bytes, at)
    }
    return at + this.#openBody(bytes, at, this.#parse(bytes, at))
  }

  #collectPrefix(bytes: Buffer, at: number): number {
    const missing = (this.#header ? bodyStart(this.#header) : HEADER_LENGTH) - this.#prefixLength
    const taken = bytes.copy(this.#prefix, this.#prefixLength, at, at + missing)
    this.#prefixLength += taken
    if (taken === missing) {
      this.#header ??= this.#parse(this.#prefix, 0)
      if (this.#prefixLength === bodyStart(this.#header)) {
        this.#prefixLength = 0
        this.#openBody(this.#prefix, 0, this.#header)
      }
    }
    return at + taken
  }

  #parse(bytes: Buffer, at: number): ResponseHeader {
    return parseHeader(bytes, at, this.#hooks.expected()!, this.#hooks.maxValue())
  }

  /** Returns how much of `bytes` comes before the value. */
  #openBody(bytes: Buffer, at: number, header: ResponseHeader): number {
    const keyStart = at + HEADER_LENGTH + header.extrasLength
    const end = keyStart + header.keyLength
    this.#header = header
    this.#key = copyOf(bytes, keyStart, end)
    this.#filled = 0
    const length = header.totalBodyLength - header.keyLength - header.extrasLength
    this.#value = length === 0 ? EMPTY : this.#allocate(length, header)
    if (length === 0) this.#finish()
    return end - at
  }

  #allocate(length: number, { status }: ResponseHeader): Buffer {
    const { allocate = Buffer.allocUnsafe } = this.#hooks.expected()!
    return status === Status.ok ? allocate(length) : Buffer.allocUnsafe(length)
  }

  #takeValue(bytes: Buffer, at: number): number {
    const taken = bytes.copy(this.#value!, this.#filled, at)
    this.#advance(taken)
    return at + taken
  }

  #advance(length: number): void {
    this.#filled += length
    if (this.#filled === this.#value!.length) this.#finish()
  }

  #finish(): void {
    const response = { header: this.#header!, key: this.#key, val: this.#value! }
    this.#header = undefined
    this.#value = undefined
    this.#hooks.deliver(response)
  }
}

const bodyStart = (header: ResponseHeader) => HEADER_LENGTH + header.extrasLength + header.keyLength

function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  if (start === end) return EMPTY
  const copy = Buffer.allocUnsafe(end - start)
  bytes.copy(copy, 0, start, end)
  return copy
}
