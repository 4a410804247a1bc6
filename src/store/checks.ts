import { InvalidArgumentError } from '../errors.ts'
import { type NamesOf, refuseUnknown } from '../known-names.ts'

/**
 * Refuses options that nothing has, and a signal that is none, such as its controller.
 * @param where What takes the options, for the message.
 * @throws {InvalidArgumentError}
 */
export function checkOptions<T extends { signal?: AbortSignal | undefined }>(
  where: string,
  options: T,
  known: NamesOf<T>,
): void {
  refuseUnknown(where, options, known)
  const { signal } = options
  if (signal !== undefined && !isSignal(signal)) {
    throw wrongArgument('signal', 'an AbortSignal', signal)
  }
}

/** Not by its class: a test environment or a polyfill may have one of its own. */
function isSignal(signal: Partial<AbortSignal> | null): boolean {
  return typeof signal?.addEventListener === 'function' && typeof signal.aborted === 'boolean'
}

/** @throws {InvalidArgumentError} unless it is a function or left out. */
export function checkFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return
  throw wrongArgument(name, 'a function', value)
}

/** Makes the error of an argument that is not what it has to be. */
export function wrongArgument(
  name: string,
  expected: string,
  actual: unknown,
): InvalidArgumentError {
  return new InvalidArgumentError(`${name} is ${expected}`, { expected, actual: kindOf(actual) })
}

/** What a value is, without what it holds, which may be large or secret. */
function kindOf(value: unknown): string {
  if (typeof value === 'number' || value === null) return String(value)
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100))
  return typeof value === 'object' ? `an ${value.constructor?.name ?? 'object'}` : typeof value
}
