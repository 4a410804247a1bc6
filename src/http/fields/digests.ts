import type { IncomingHttpHeaders } from 'node:http'
import { parseDictionary } from 'structured-headers'
import { Digest, DigestMismatchError, InvalidArgumentError } from '../../index.ts'

/** Repr-Digest (RFC 9530), and Digest (RFC 3230) for clients that ask for it: names and values. */
export function digestFields(headers: IncomingHttpHeaders, { base64 }: Digest): string[] {
  const fields: string[] = []
  if (wantsReprDigest(headers)) fields.push('Repr-Digest', `sha-256=:${base64}:`)
  if (wantsDigest(headers)) fields.push('Digest', `SHA-256=${base64}`)
  return fields
}

/**
 * What an upload says that its content's SHA-256 is; other algorithms are ignored.
 * @throws {InvalidArgumentError} for a digest that cannot be one.
 * @throws {DigestMismatchError} when two fields, or a field and `path`, contradict each other.
 */
export function expectedDigest(headers: IncomingHttpHeaders, path?: Digest): Digest | undefined {
  return [
    structuredDigest('Repr-Digest', headers['repr-digest']),
    structuredDigest('Content-Digest', headers['content-digest']),
    legacyDigest(headers.digest),
  ].reduce((expected, digest) => {
    if (expected === undefined || digest === undefined) return expected ?? digest
    if (expected.equals(digest)) return expected
    throw new DigestMismatchError('the request names two digests for one content', {
      expected: `sha256 ${expected.hex}`,
      actual: `sha256 ${digest.hex}`,
    })
  }, path)
}

/** Always, unless it is declined with a weight of 0. */
function wantsReprDigest(headers: IncomingHttpHeaders): boolean {
  const field = headers['want-repr-digest']
  if (field === undefined) return true
  try {
    return parseDictionary(String(field)).get('sha-256')?.[0] !== 0
  } catch {
    return true
  }
}

function wantsDigest(headers: IncomingHttpHeaders): boolean {
  const field = headers['want-digest']
  if (field === undefined) return false
  return String(field)
    .split(',')
    .some((each) => {
      const match = /^\s*sha-256\s*(?:;\s*q\s*=\s*([\d.]+))?\s*$/i.exec(each)
      return match !== null && Number(match[1] ?? 1) > 0
    })
}

function structuredDigest(name: string, field: string | string[] | undefined): Digest | undefined {
  if (field === undefined) return undefined
  try {
    const item = parseDictionary(String(field)).get('sha-256')
    if (item === undefined) return undefined
    if (item[0] instanceof ArrayBuffer) return Digest.from(Buffer.from(item[0]))
  } catch {
    // What it takes is said below.
  }
  throw malformed(name, 'sha-256=:<base64 of 32 bytes>:', String(field))
}

function legacyDigest(field: string | string[] | undefined): Digest | undefined {
  const values = String(field ?? '').split(',')
  const value = values.map((each) => /^\s*sha-256=(.*?)\s*$/i.exec(each)?.[1]).find(Boolean)
  if (value === undefined) return undefined
  if (/^[A-Za-z0-9+/]{43}=$/.test(value)) return Digest.from(Buffer.from(value, 'base64'))
  throw malformed('Digest', 'SHA-256=<base64 of 32 bytes>', String(field))
}

function malformed(name: string, expected: string, actual: string): InvalidArgumentError {
  return new InvalidArgumentError(`the ${name} field is malformed`, {
    expected,
    actual: actual.slice(0, 200),
  })
}
