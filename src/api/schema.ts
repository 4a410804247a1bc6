// JSON Schema (draft 2020-12) for the OpenAPI description. TypeScript's types come from it.

/** The schema of a `T`. */
export interface Schema<T> {
  readonly [keyword: string]: unknown
  /** For the compiler alone; never set. */
  readonly typed?: T
}

export type TypeOf<S> = S extends Schema<infer T> ? T : never

export const hash: Schema<string> = { type: 'string', pattern: '^[0-9a-f]{64}$' }
export const text: Schema<string> = { type: 'string' }
export const flag: Schema<boolean> = { type: 'boolean' }
export const amount: Schema<number> = { type: 'number', minimum: 0 }
export const count: Schema<number> = { type: 'integer', minimum: 0 }
export const positive: Schema<number> = { type: 'integer', minimum: 1 }

export function oneOf<T extends string>(values: readonly T[]): Schema<T> {
  return { enum: values }
}

export function listOf<T>(items: Schema<T>, limits: object = {}): Schema<T[]> {
  return { type: 'array', items, ...limits }
}

type Schemas<T> = { [K in keyof T]: Schema<T[K]> }

/** An object with these properties and no others. */
export function object<R, O = unknown>(
  required: Schemas<R>,
  optional?: Schemas<O>,
): Schema<R & { [K in keyof O]?: O[K] | undefined }> {
  return {
    type: 'object',
    properties: { ...required, ...optional },
    required: Object.keys(required),
    additionalProperties: false,
  }
}
