import { createHash, createHmac, hash, timingSafeEqual } from 'node:crypto'
import { InvalidArgumentError } from '../../errors.ts'

/** Says what is sealed, so that a seal made for anything else never fits. */
const DOMAIN = 'blobcached link record\0'

export const SEAL_LENGTH = 32
export const SealKind = { sha256: 0, hmacSha256: 1 } as const

/**
 * Proves that a record is the one that was written under its key: SHA-256 against accidents, or
 * HMAC-SHA256 (RFC 2104) with a secret against whoever can write to memcached.
 */
export class Sealer {
  /** Written into each record, so that a record sealed without the secret is told apart. */
  readonly kind: number
  readonly #secrets: readonly Buffer[]

  /** @param secrets The first one seals; records sealed with any of them are accepted. */
  constructor(secrets: readonly (string | Uint8Array)[] = []) {
    this.#secrets = secrets.map((secret) => Buffer.from(secret as string))
    if (this.#secrets.some((secret) => secret.length === 0)) {
      throw new InvalidArgumentError('a secret must not be empty')
    }
    this.kind = secrets.length > 0 ? SealKind.hmacSha256 : SealKind.sha256
  }

  seal(key: string, payload: Buffer): Buffer {
    const secret = this.#secrets[0]
    if (secret === undefined) return Buffer.from(plainDigest(key, payload), 'hex')
    return keyedDigest(secret, key, payload)
  }

  fits(seal: Buffer, key: string, payload: Buffer): boolean {
    if (seal.length !== SEAL_LENGTH) return false
    if (this.#secrets.length === 0) return plainDigest(key, payload) === seal.toString('hex')
    return this.#secrets.some((secret) => timingSafeEqual(keyedDigest(secret, key, payload), seal))
  }
}

/** What is sealed fits in here, unless it is the link of a file of many chunks. */
const scratch = Buffer.allocUnsafeSlow(4096)
scratch.write(DOMAIN, 'latin1')

/** In hexadecimal, and where possible in one go: both are faster. */
function plainDigest(key: string, payload: Buffer): string {
  const start = head(key)
  const length = start.length + payload.length
  if (length > scratch.length) {
    return createHash('sha256').update(start).update(payload).digest('hex')
  }
  payload.copy(scratch, start.length)
  return hash('sha256', scratch.subarray(0, length), 'hex')
}

function keyedDigest(secret: Buffer, key: string, payload: Buffer): Buffer {
  return createHmac('sha256', secret).update(head(key)).update(payload).digest()
}

/** What comes before the payload, in `scratch` until the next one. */
function head(key: string): Buffer {
  scratch.writeUInt16BE(key.length, DOMAIN.length)
  const length = scratch.write(key, DOMAIN.length + 2, 'latin1')
  return scratch.subarray(0, DOMAIN.length + 2 + length)
}
