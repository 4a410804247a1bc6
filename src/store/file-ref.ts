import { Digest } from '../digest.ts'
import { InvalidArgumentError } from '../errors.ts'

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
  if ('name' in ref) return { name: checkName(ref.name) }
  return { hash: typeof ref.hash === 'string' ? Digest.parse(ref.hash) : ref.hash }
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
