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
    ...legacyDigests(headers.digest),
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
      const [algorithm, weight = 'q=1', ...more] = each.split(';').map((part) => part.trim())
      if (algorithm!.toLowerCase() !== 'sha-256' || more.length > 0) return false
      const [name, value = '', ...rest] = weight.split('=').map((part) => part.trim())
      return name!.toLowerCase() === 'q' && rest.length === 0 && Number(value) > 0
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

/**
 * The SHA-256 of each value that names it, of the values that a comma separates (RFC 3230, 4.3.2). A value that names it
 * in another place or form is refused: the client expects it to be checked.
 */
function legacyDigests(field: string | string[] | undefined): Digest[] {
  if (field === undefined) return []
  const values = String(field).split(',')
  return values.filter(namesSha256).map((value) => {
    const base64 = LEGACY.exec(value.trim())?.[1]
    if (base64 !== undefined) return Digest.from(Buffer.from(base64, 'base64'))
    throw malformed('Digest', 'SHA-256=<base64 of 32 bytes>', String(field))
  })
}

/** Other algorithms may have names that end or begin with it: `id-sha-256`. */
function namesSha256(value: string): boolean {
  return /(?<![\w-])sha-256(?![\w-])/i.test(value)
}

const LEGACY = /^sha-256=([A-Za-z0-9+/]{43}=)$/i

function malformed(name: string, expected: string, actual: string): InvalidArgumentError {
  return new InvalidArgumentError(`the ${name} field is malformed`, {
    expected,
    actual: actual.slice(0, 200),
  })
}
