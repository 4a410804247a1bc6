import { type ParsedUrlQuery, parse } from 'node:querystring'
import type { QueryName } from '../../api/paths.ts'
import { InvalidArgumentError } from '../../index.ts'

/** The query parameters of a request; what it does not know it ignores. */
export class RequestQuery {
  static readonly #none = new RequestQuery({})
  readonly #values: ParsedUrlQuery

  private constructor(values: ParsedUrlQuery) {
    this.#values = values
  }

  /** @param search With its question mark, or empty. */
  static parse(search: string): RequestQuery {
    return search === '' ? RequestQuery.#none : new RequestQuery(parse(search.slice(1)))
  }

  has(name: QueryName): boolean {
    return this.#values[name] !== undefined
  }

  /**
   * Returns the value of a parameter, `''` where it has none.
   * @throws {InvalidArgumentError} when it is given more than once.
   */
  text(name: QueryName | 'teamId' | 'slug'): string | undefined {
    const value = this.#values[name]
    if (!Array.isArray(value)) return value
    throw new InvalidArgumentError(`the query parameter ${name} is given ${value.length} times`, {
      expected: 'at most one',
      actual: String(value.length),
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

export function parseTtl(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('ttl is a whole number of seconds, 0 for no limit', {
    expected: 'a whole number of seconds',
    actual: text.slice(0, 100),
  })
}
