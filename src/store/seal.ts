import { createHash, createHmac, hash, timingSafeEqual } from 'node:crypto'
import { InvalidArgumentError } from '../errors.ts'

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
    return digest(this.#secrets[0], key, payload)
  }

  fits(seal: Buffer, key: string, payload: Buffer): boolean {
    if (seal.length !== SEAL_LENGTH) return false
    const candidates = this.#secrets.length > 0 ? this.#secrets : [undefined]
    return candidates.some((secret) => timingSafeEqual(digest(secret, key, payload), seal))
  }
}

/** Longer payloads are not worth another copy, only to be hashed in one go. */
const ONE_GO_MAX = 4096

function digest(secret: Buffer | undefined, key: string, payload: Buffer): Buffer {
  const head = Buffer.allocUnsafe(DOMAIN.length + 2 + key.length)
  head.write(DOMAIN, 'latin1')
  head.writeUInt16BE(key.length, DOMAIN.length)
  head.write(key, DOMAIN.length + 2, 'latin1')
  if (secret === undefined && payload.length <= ONE_GO_MAX) {
    return hash('sha256', Buffer.concat([head, payload]), 'buffer')
  }
  const state = secret === undefined ? createHash('sha256') : createHmac('sha256', secret)
  return state.update(head).update(payload).digest()
}
