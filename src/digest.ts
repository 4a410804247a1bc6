import { createHash, hash } from 'node:crypto'
import { InvalidArgumentError } from './errors.ts'

const HEX = /^[0-9a-f]{64}$/

/** A SHA-256 digest (FIPS 180-4). Text is parsed into it once, where it enters. */
export class Digest {
  static readonly byteLength = 32
  /** The digest of zero bytes. */
  static readonly empty = Digest.of(Buffer.alloc(0))

  /** 64 lowercase hexadecimal digits, as `sha256sum` prints it. Kept instead of bytes, which keep a larger buffer alive. */
  readonly hex: string
  #base64: string | undefined

  private constructor(hex: string) {
    this.hex = hex
  }

  /** @param bytes Exactly 32 bytes, which are copied. */
  static from(bytes: Buffer): Digest {
    if (bytes.length === Digest.byteLength) return new Digest(bytes.toString('hex'))
    throw new InvalidArgumentError(
      `a SHA-256 digest has ${Digest.byteLength} bytes, not ${bytes.length}`,
    )
  }

  /** Hashes `bytes` in place, which blocks for about 1 ms a MB. */
  static of(bytes: Uint8Array): Digest {
    return new Digest(hash('sha256', bytes, 'hex'))
  }

  /** Starts the digest of bytes that come in pieces. */
  static stream(): DigestStream {
    const state = createHash('sha256')
    return {
      update: (bytes) => void state.update(bytes),
      soFar: () => new Digest(state.copy().digest('hex')),
      digest: () => new Digest(state.digest('hex')),
    }
  }

  /**
   * Parses the form that `sha256sum` prints: 64 lowercase hexadecimal digits.
   * @throws {InvalidArgumentError} for anything else.
   */
  static parse(text: string): Digest {
    if (!HEX.test(text)) {
      throw new InvalidArgumentError(
        'a content hash is the SHA-256 of the content as 64 lowercase hexadecimal digits',
        { expected: '64 lowercase hexadecimal digits', actual: text.slice(0, 100) },
      )
    }
    return new Digest(text)
  }

  static isHex(text: string): boolean {
    return HEX.test(text)
  }

  get bytes(): Buffer {
    return Buffer.from(this.hex, 'hex')
  }

  get base64(): string {
    this.#base64 ??= this.bytes.toString('base64')
    return this.#base64
  }

  equals(other: Digest): boolean {
    return this.hex === other.hex
  }

  toString(): string {
    return this.hex
  }

  toJSON(): string {
    return this.hex
  }
}

export interface DigestStream {
  update(bytes: Uint8Array): void
  /** Returns the digest of the bytes until now; more may follow. */
  soFar(): Digest
  digest(): Digest
}
