import { createHash, hash } from 'node:crypto'
import { InvalidArgumentError } from './errors.ts'

const HEX = /^[0-9a-f]{64}$/

/** A SHA-256 (FIPS 180-4): parsed once at the boundary, compared and printed from then on. */
export class Digest {
  static readonly byteLength = 32
  /** The digest of zero bytes. */
  static readonly empty = Digest.of(Buffer.alloc(0))

  readonly bytes: Buffer
  #hex: string | undefined

  /** @param bytes Exactly 32 bytes, which must not change afterwards. */
  constructor(bytes: Buffer) {
    if (bytes.length !== Digest.byteLength) {
      throw new InvalidArgumentError(
        `a SHA-256 digest has ${Digest.byteLength} bytes, not ${bytes.length}`,
      )
    }
    this.bytes = bytes
  }

  /** Hashes `bytes` here and now, at about 1 GB/s. */
  static of(bytes: Uint8Array): Digest {
    return new Digest(hash('sha256', bytes, 'buffer'))
  }

  /** Hashes a copy of `bytes` on the thread pool. */
  static async offThread(bytes: Uint8Array): Promise<Digest> {
    const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)
    return new Digest(Buffer.from(digest))
  }

  /** The running digest of a stream of bytes. */
  static stream(): DigestStream {
    const state = createHash('sha256')
    return {
      update: (bytes) => void state.update(bytes),
      digest: () => new Digest(state.digest()),
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
    return new Digest(Buffer.from(text, 'hex'))
  }

  static isHex(text: string): boolean {
    return HEX.test(text)
  }

  /** 64 lowercase hexadecimal digits, exactly what `sha256sum` prints. */
  get hex(): string {
    this.#hex ??= this.bytes.toString('hex')
    return this.#hex
  }

  get base64(): string {
    return this.bytes.toString('base64')
  }

  equals(other: Digest): boolean {
    return this.bytes.equals(other.bytes)
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
  digest(): Digest
}
