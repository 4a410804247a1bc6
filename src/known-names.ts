import { closest, distance } from 'fastest-levenshtein'
import { InvalidArgumentError } from './errors.ts'

/** The one of `names` that `name` is probably a misspelling of; `undefined` if none is near. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined
  const folded = new Map(names.map((each) => [each.toLowerCase(), each]))
  const found = closest(name.toLowerCase(), [...folded.keys()])
  const isNear =
    distance(name.toLowerCase(), found) <= Math.max(name.length > 3 ? 2 : 1, name.length / 4)
  return isNear ? folded.get(found) : undefined
}

/** Names every option of `T`, which the compiler checks. */
export type NamesOf<T> = Record<keyof T, true>

/**
 * Refuses properties that no option has.
 * @param where What takes the options, for the message: `FileStore`.
 * @throws {InvalidArgumentError} that names the option and the nearest right one.
 */
export function refuseUnknown<T>(where: string, options: T, known: NamesOf<T>): void {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError(`the options of ${where} are an object`, {
      expected: 'an object',
      actual: options === null ? 'null' : typeof options,
    })
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(known, name)) continue
    const names = Object.keys(known)
    const meant = nearest(name, names)
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`
    throw new InvalidArgumentError(`${where} has no option ${JSON.stringify(name)}${hint}`, {
      expected: names.join(', '),
      actual: name.slice(0, 100),
    })
  }
}
