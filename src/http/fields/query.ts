import type { QueryName } from '../../api/paths.ts'
import { InvalidArgumentError } from '../../index.ts'

/** The query parameters of a request; what it does not know it ignores. */
export class RequestQuery {
  static readonly #none = new RequestQuery(new Map())
  readonly #values: ReadonlyMap<string, readonly string[]>

  private constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values
  }

  /**
   * @param search With its question mark, or empty.
   * @throws {InvalidArgumentError} when any of it is not percent-encoded UTF-8.
   */
  static parse(search: string): RequestQuery {
    if (search === '') return RequestQuery.#none
    const values = new Map<string, string[]>()
    for (const pair of search.slice(1).split('&')) {
      if (pair === '') continue
      const [name, value] = decodePair(pair)
      const known = values.get(name)
      if (known === undefined) values.set(name, [value])
      else known.push(value)
    }
    return new RequestQuery(values)
  }

  has(name: QueryName): boolean {
    return this.#values.has(name)
  }

  /**
   * Returns the value of a parameter, `''` where it has none.
   * @throws {InvalidArgumentError} when it is given more than once.
   */
  text(name: QueryName | 'teamId' | 'slug'): string | undefined {
    const values = this.#values.get(name)
    if (values === undefined || values.length === 1) return values?.[0]
    throw new InvalidArgumentError(`the query parameter ${name} is given ${values.length} times`, {
      expected: 'at most one',
      actual: String(values.length),
    })
  }

  /** @throws {InvalidArgumentError} when the parameter has any other value. */
  choice<T extends string>(name: QueryName, values: readonly T[]): T | undefined {
    const value = this.text(name)
    if (value === undefined || values.includes(value as T)) return value as T | undefined
    throw new InvalidArgumentError(`the query parameter ${name} does not take that value`, {
      expected: values.map((each) => each || '(nothing)').join(' or '),
      actual: value.slice(0, 100),
    })
  }

  /** Returns whether it is given as `?name`, `?name=true` or `?name=false`. */
  flag(name: QueryName): boolean {
    const value = this.choice(name, ['true', 'false', ''])
    return value === 'true' || value === ''
  }

  /** `?ttl=`, in seconds; the engine knows how long is too long. */
  ttl(): { ttl?: number } {
    const ttl = this.text('ttl')
    return ttl === undefined ? {} : { ttl: parseTtl(ttl) }
  }
}

/** As the URL Standard has it, but for what is malformed. */
function decodePair(pair: string): [name: string, value: string] {
  const at = pair.indexOf('=')
  const [name, value] = at === -1 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
  try {
    return [decode(name), decode(value)]
  } catch {
    throw new InvalidArgumentError('the query is not valid percent-encoded UTF-8', {
      expected: 'percent-encoded UTF-8',
      actual: pair.slice(0, 100),
    })
  }
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

export function parseTtl(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('ttl is a whole number of seconds, 0 for no limit', {
    expected: 'a whole number of seconds',
    actual: text.slice(0, 100),
  })
}
