import { hash, listOf, object } from './schema.ts'

/** Hashes that one request may ask about. */
export const MAX_HASHES = 10_000

/** The body of `POST /blobs/missing`. */
export interface HashesJson {
  hashes: string[]
}

/** Those of the hashes whose content the server cannot serve. */
export interface MissingJson {
  missing: string[]
}

export const hashesSchema = object<HashesJson>({ hashes: listOf(hash, { maxItems: MAX_HASHES }) })
export const missingSchema = object<MissingJson>({ missing: listOf(hash, { uniqueItems: true }) })
