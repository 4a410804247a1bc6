import { hash, timingSafeEqual } from 'node:crypto'
import { InvalidArgumentError } from '../../index.ts'

/** Tokens that can be recognized but not told, in a time that says nothing about them. */
export class Tokens {
  readonly #digests: readonly Buffer[]

  /** @throws {InvalidArgumentError} when one is empty. */
  constructor(tokens: readonly string[] = []) {
    if (tokens.includes('')) throw new InvalidArgumentError('a token must not be empty')
    this.#digests = tokens.map(digest)
  }

  get size(): number {
    return this.#digests.length
  }

  /** Compares with every one of them, whichever fits. */
  has(token: string): boolean {
    const candidate = digest(token)
    let found = 0
    for (const known of this.#digests) found |= Number(timingSafeEqual(known, candidate))
    return found === 1
  }
}

function digest(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}

/** The token of an Authorization header: Bearer (RFC 6750), or the password of Basic (RFC 7617). */
export function tokenOf(authorization: string): string | undefined {
  const [, scheme, credentials] = /^(\S+) +(\S+) *$/.exec(authorization) ?? []
  if (scheme === undefined || credentials === undefined) return undefined
  if (scheme.toLowerCase() === 'bearer') return credentials
  if (scheme.toLowerCase() !== 'basic') return undefined
  const pair = Buffer.from(credentials, 'base64').toString()
  const colon = pair.indexOf(':')
  return colon === -1 ? undefined : pair.slice(colon + 1)
}
