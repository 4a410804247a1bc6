import type { Context } from 'koa'
import type { QueryName } from '../api/paths.ts'
import { InvalidArgumentError } from '../index.ts'

/**
 * The value of a query parameter, `''` where it has none.
 * @throws {InvalidArgumentError} when it is given more than once: which one counts?
 */
export function parameter(ctx: Context, name: QueryName): string | undefined {
  if (ctx.search === '') return undefined // Parsed or not, that takes a moment for each of them.
  const value = ctx.query[name]
  if (!Array.isArray(value)) return value
  throw new InvalidArgumentError(`the query parameter ${name} is given ${value.length} times`, {
    expected: 'at most one',
    actual: String(value.length),
  })
}

/** @throws {InvalidArgumentError} when the parameter has any other value. */
export function choice<T extends string>(
  ctx: Context,
  name: QueryName,
  values: readonly T[],
): T | undefined {
  const value = parameter(ctx, name)
  if (value === undefined || values.includes(value as T)) return value as T | undefined
  throw new InvalidArgumentError(`the query parameter ${name} does not take that value`, {
    expected: values.map((each) => each || '(nothing)').join(' or '),
    actual: value.slice(0, 100),
  })
}

/** `?name`, `?name=true` or `?name=false`. */
export function flag(ctx: Context, name: QueryName): boolean {
  const value = choice(ctx, name, ['true', 'false', ''])
  return value === 'true' || value === ''
}

/** `?ttl=`, in seconds; the engine knows how long is too long. */
export function ttlParameter(ctx: Context): { ttl?: number } {
  const ttl = parameter(ctx, 'ttl')
  return ttl === undefined ? {} : { ttl: parseTtl(ttl) }
}

export function parseTtl(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('ttl is a whole number of seconds, 0 for no limit', {
    expected: 'a whole number of seconds',
    actual: text.slice(0, 100),
  })
}
