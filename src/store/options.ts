import { checkTtl } from '../engine/key.ts'
import { InvalidArgumentError } from '../errors.ts'
import { type NamesOf, refuseUnknown } from '../known-names.ts'
import { hashThreadsFor } from './hashing/hasher.ts'
import { MAX_CHUNK_SIZE } from './records/manifest.ts'

const MiB = 1024 * 1024

/**
 * Bytes: two chunks of this size fill a page of memcached but for a few bytes, with room for a key prefix of
 * 100 bytes. The table is in docs/operations.md.
 */
export const DEFAULT_CHUNK_SIZE = 524_038

export interface FileStoreOptions {
  /** Bytes of a chunk, 1 to 16 MiB. Default 524,038, which fits memcached's slab classes. */
  chunkSize?: number | undefined
  /** Put before every key: at most 100 bytes of printable ASCII without spaces. Default none. */
  keyPrefix?: string | undefined
  /**
   * Seals links with HMAC-SHA256, so that a process which can write to memcached cannot forge them. Of
   * several, the first one seals and all are accepted. Default none: links are sealed with SHA-256.
   */
  secret?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined
  /** Seconds that links live unless `put` says otherwise. Default 0: as long as there is room. */
  ttl?: number | undefined
  /** Bytes that a file may have. Default: as many as a manifest can list, 17 GB with `-I 1m`. */
  maxFileSize?: number | undefined
  /**
   * Bytes of verified chunks to keep in this process for the next reader. The link is read each time, so
   * what was deleted, replaced or has expired is gone at once. Default 0: none.
   */
  hotCache?: number | undefined
  /**
   * Threads that hash chunks of 128 KiB and more, started with the first of those; when all are busy,
   * chunks are hashed in place. Default: one less than the machine has cores, 4 at most. Use fewer where
   * several processes share a machine.
   */
  hashThreads?: number | undefined
  memory?: MemoryLimits | undefined
  fills?: FillLimits | undefined
}

/** How many files may be produced, as `getOrPut` does. */
export interface FillLimits {
  /** Calls of `produce` at once; more wait for up to 30 seconds. Default 64. */
  atOnce?: number | undefined
  /** Callers that wait for files to be produced; more are refused. Default 10,000. */
  waiting?: number | undefined
}

export interface MemoryLimits {
  /** Bytes that one prepared read may hold; larger ones are read twice. Default 64 MiB, or a quarter of `total` if that is less. */
  perRead?: number | undefined
  /** Bytes that all reads and writes together may hold, at least six chunks. Default 256 MiB. */
  total?: number | undefined
}

const OPTIONS: NamesOf<FileStoreOptions> = {
  chunkSize: true,
  keyPrefix: true,
  secret: true,
  ttl: true,
  maxFileSize: true,
  hotCache: true,
  hashThreads: true,
  memory: true,
  fills: true,
}
const MEMORY_OPTIONS: NamesOf<MemoryLimits> = { perRead: true, total: true }
const FILL_OPTIONS: NamesOf<FillLimits> = { atOnce: true, waiting: true }

/** Options that were validated, with the defaults for those that were left out. */
export interface StoreSettings {
  readonly chunkSize: number
  readonly ttl: number
  readonly maxFileSize: number
  readonly hotCache: number
  readonly hashThreads: number
  readonly perRead: number
  /** Bytes for prepared reads that are held whole. */
  readonly heldBytes: number
  /** Bytes for the windows of chunks of reads that stream. */
  readonly readBytes: number
  /** Bytes for uploads: their starts, and chunks. */
  readonly uploadBytes: number
  /** Bytes for other work whose size comes from requests or content. */
  readonly workBytes: number
  /** Bytes for such work that waits for what clients send, and for work that waits for clients to take something. */
  readonly longWorkBytes: number
  readonly fillsAtOnce: number
  readonly fillsWaiting: number
}

/**
 * Validates options and adds the defaults.
 * @throws {InvalidArgumentError} when a figure is out of its range or an option is unknown.
 */
export function validateOptions(options: FileStoreOptions): StoreSettings {
  refuseUnknown('FileStore', options, OPTIONS)
  const { memory = {}, fills = {}, ttl = 0 } = options
  refuseUnknown('FileStore, memory', memory, MEMORY_OPTIONS)
  refuseUnknown('FileStore, fills', fills, FILL_OPTIONS)
  const chunkSize = count('chunkSize', options.chunkSize ?? DEFAULT_CHUNK_SIZE, 1, MAX_CHUNK_SIZE)
  const total = count('memory.total', memory.total ?? 256 * MiB, 6 * chunkSize)
  const heldAtMost = Math.min(64 * MiB, Math.floor(total / 4))
  const perRead = count('memory.perRead', memory.perRead ?? heldAtMost, 0, total)
  const maxFileSize = count('maxFileSize', options.maxFileSize ?? Number.MAX_SAFE_INTEGER, 0)
  checkTtl(ttl)
  const hotCache = count('hotCache', options.hotCache ?? 0, 0)
  const hashThreads = count('hashThreads', options.hashThreads ?? hashThreadsFor(1), 0, 64)
  const fillsAtOnce = count('fills.atOnce', fills.atOnce ?? 64, 1)
  const fillsWaiting = count('fills.waiting', fills.waiting ?? 10_000, 1)
  const uploadBytes = Math.max(Math.floor(total / 4), 2 * chunkSize)
  const readBytes = Math.max(Math.floor(total / 8), 2 * chunkSize)
  const rest = total - uploadBytes - readBytes
  const workBytes = Math.min(Math.floor(total / 16), rest - 2 * chunkSize)
  const longWorkBytes = Math.min(
    Math.floor(total / 32),
    Math.floor((rest - 2 * chunkSize - workBytes) / 3),
  )
  return {
    chunkSize,
    ttl,
    maxFileSize,
    hotCache,
    hashThreads,
    perRead,
    heldBytes: rest - workBytes - 3 * longWorkBytes,
    readBytes,
    uploadBytes,
    workBytes,
    longWorkBytes,
    fillsAtOnce,
    fillsWaiting,
  }
}

/** Returns `value` if it is a whole number in that range. */
function count(name: string, value: number, min: number, max = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value
  throw new InvalidArgumentError(`${name} must be a whole number from ${min} to ${max}`, {
    expected: `${min} to ${max}`,
    actual: String(value),
  })
}
