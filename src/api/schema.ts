// JSON Schema (draft 2020-12) for the bodies that the OpenAPI description lists.

export const hash = { type: 'string', pattern: '^[0-9a-f]{64}$' }
export const count = { type: 'integer', minimum: 0 }
export const positive = { type: 'integer', minimum: 1 }
export const number = { type: 'number', minimum: 0 }
export const text = { type: 'string' }

export function listOf(items: object, limits: object = {}) {
  return { type: 'array', items, ...limits }
}

type OptionalKey<T> = { [K in keyof T]-?: object extends Pick<T, K> ? K : never }[keyof T]

/** An object with the properties of `T` and no others. */
export function object<T extends object>(
  properties: Record<keyof T, object>,
  optional: readonly OptionalKey<T>[] = [],
) {
  const required = (Object.keys(properties) as (keyof T)[]).filter(
    (name) => !(optional as readonly (keyof T)[]).includes(name),
  )
  return { type: 'object', properties, required, additionalProperties: false }
}
