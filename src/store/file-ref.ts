import { Digest } from '../digest.ts'
import { InvalidArgumentError } from '../errors.ts'
import { wrongArgument } from './checks.ts'

/**
 * A name or a content hash. A plain string is a hash when it is 64 lowercase hexadecimal digits and a
 * name otherwise; `{ name }` and `{ hash }` say which it is.
 */
export type FileRef = string | Digest | { name: string } | { hash: string | Digest }

export type ParsedRef = { name: string; hash?: never } | { hash: Digest; name?: never }

/** @throws {InvalidArgumentError} when the name or the hash cannot be one. */
export function parseRef(ref: FileRef): ParsedRef {
  if (ref instanceof Digest) return { hash: ref }
  if (typeof ref === 'string') {
    return Digest.isHex(ref) ? { hash: Digest.parse(ref) } : { name: checkName(ref) }
  }
  const { name, hash } = (typeof ref === 'object' && ref !== null ? ref : {}) as RefObject
  if (name !== undefined && hash === undefined) return { name: checkName(name) }
  if (hash !== undefined && name === undefined) return { hash: toDigest(hash) }
  if (name === undefined) throw wrongArgument('a file', REF, ref)
  throw new InvalidArgumentError(`a file is ${REF}, and not both a name and a hash`)
}

const REF = 'a name, a content hash, { name } or { hash }'

/** What a caller without types may pass. */
interface RefObject {
  name?: string
  hash?: string | Digest
}

/** @throws {InvalidArgumentError} unless it is a content hash: a Digest, or 64 lowercase hexadecimal digits. */
export function toDigest(hash: string | Digest): Digest {
  if (hash instanceof Digest) return hash
  if (typeof hash === 'string') return Digest.parse(hash)
  throw wrongArgument('a content hash', '64 lowercase hexadecimal digits or a Digest', hash)
}

export function describeRef(ref: ParsedRef): string {
  return ref.name === undefined ? `content ${ref.hash.hex}` : `file ${JSON.stringify(ref.name)}`
}

/** The longest name, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 1024

/**
 * Returns `name` if a file can have it: 1 to 1,024 bytes of well-formed Unicode without control
 * characters. Slashes, spaces and dots mean nothing here.
 * @throws {InvalidArgumentError}
 */
export function checkName(name: string): string {
  if (typeof name !== 'string') throw wrongArgument("a file's name", 'a string', name)
  const problem = nameProblem(name)
  if (problem === undefined) return name
  throw new InvalidArgumentError(`a file's name ${problem}`, {
    expected: `1 to ${MAX_NAME_BYTES} bytes of Unicode without control characters`,
    actual: JSON.stringify(name.slice(0, 100)),
  })
}

function nameProblem(name: string): string | undefined {
  if (name.length === 0) return 'must not be empty'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) return 'must not hold control characters'
  if (/\p{Surrogate}/u.test(name)) return 'must be well-formed Unicode'
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `has at most ${MAX_NAME_BYTES} bytes`
  return undefined
}
