import { hash, listOf, object } from './schema.ts'

/** What one request may get: files, and bytes of all of them. */
export const MAX_BATCH = { files: 1000, bytes: 16 * 1024 * 1024 }

/** The body of `POST /blobs/batch`. */
export const batchSchema = object({ hashes: listOf(hash, { maxItems: MAX_BATCH.files }) })
