import { hash, listOf, object, type TypeOf } from './schema.ts'

/** Hashes that one request may ask about. */
export const MAX_HASHES = 10_000

/** The body of `POST /blobs/missing`. */
export const hashesSchema = object({ hashes: listOf(hash, { maxItems: MAX_HASHES }) })
export type HashesJson = TypeOf<typeof hashesSchema>

/** Those of the hashes whose content the server cannot serve. */
export const missingSchema = object({ missing: listOf(hash, { uniqueItems: true }) })
export type MissingJson = TypeOf<typeof missingSchema>
