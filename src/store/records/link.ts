import { isUtf8 } from 'node:buffer'
import { Digest } from '../../digest.ts'
import { MAX_TTL } from '../../engine/key.ts'
import { InvalidArgumentError } from '../../errors.ts'
import { isPossible, Manifest } from './manifest.ts'
import { SEAL_LENGTH, type Sealer } from './seal.ts'

/** The record that leads to a file: the whole manifest and what is kept with the name. docs/format.md. */
export interface Link {
  readonly manifest: Manifest
  /** Unix time in milliseconds. */
  readonly storedAt: number
  /** Seconds that the link was given to live; 0 is no limit. */
  readonly ttl: number
  /** Unix time in milliseconds, where the record outlasts the link. */
  readonly endsAt?: number
  /** Of two links the one with the larger is newer: Unix time in milliseconds. Default: `storedAt`. */
  readonly version?: number | undefined
  /** Seconds after its end for which the file may be served while it is renewed. */
  readonly staleFor?: number | undefined
  /** Seconds after its end for which the record is kept, so that it can be renewed without its bytes. */
  readonly keepFor?: number | undefined
  readonly name?: string | undefined
  readonly type?: string | undefined
  /** Small strings that are returned with the file. */
  readonly attributes?: Readonly<Record<string, string>> | undefined
}

/** When a link is over by its own record: Unix time in milliseconds. */
export function endOf({ storedAt, ttl, endsAt }: Link): number {
  return endsAt ?? (ttl === 0 ? Number.POSITIVE_INFINITY : storedAt + ttl * 1000)
}

/** Seconds for which the record of a link is kept after its end. */
export function keptBeyond({ staleFor = 0, keepFor = 0 }: Link): number {
  return Math.max(staleFor, keepFor)
}

const MAGIC = Buffer.from('blbc')
const VERSION = 1
/** Bytes before the metadata: see the table in docs/format.md. */
const HEADER_LENGTH = 56
/** Bytes of name, type and attributes together; the rest of a record is for the digests. */
const MAX_METADATA = 8192
/** The last millisecond that a Date can hold. */
export const MAX_TIME = 8_640_000_000_000_000

/** Bytes of a record beside the chunks' digests and the metadata. */
const FRAME_LENGTH = HEADER_LENGTH + SEAL_LENGTH

/** Returns how many chunks a file can have when a record may have `maxValue` bytes. */
export function maxChunkCount(maxValue: number): number {
  return Math.max(0, Math.floor((maxValue - FRAME_LENGTH - MAX_METADATA) / Digest.byteLength))
}

/**
 * Encodes the record to store under `key`.
 * @throws {InvalidArgumentError} when name, type and attributes together pass 8 KiB.
 */
export function encodeLink(link: Link, key: string, sealer: Sealer): Buffer {
  const { manifest, storedAt, ttl, endsAt, version, staleFor, keepFor, name, type, attributes } =
    link
  // Without a spread, which takes longer than all the rest.
  const kept = { storedAt, ttl, endsAt, version, staleFor, keepFor, name, type, attributes }
  const metadata = JSON.stringify(kept)
  const metadataLength = Buffer.byteLength(metadata)
  if (metadataLength > MAX_METADATA) {
    throw new InvalidArgumentError('name, type and attributes together are too long', {
      expected: `at most ${MAX_METADATA} bytes`,
      actual: `${metadataLength} bytes`,
    })
  }
  const digestsAt = HEADER_LENGTH + metadataLength
  const sealAt = digestsAt + manifest.digests.length
  const record = Buffer.allocUnsafe(sealAt + SEAL_LENGTH)
  MAGIC.copy(record)
  record[4] = VERSION
  record[5] = sealer.kind
  record.writeUInt16BE(metadataLength, 6)
  record.writeBigUInt64BE(BigInt(manifest.size), 8)
  record.writeUInt32BE(manifest.chunkSize, 16)
  record.writeUInt32BE(manifest.chunkCount, 20)
  record.write(manifest.digest.hex, 24, 'hex')
  record.write(metadata, HEADER_LENGTH)
  manifest.digests.copy(record, digestsAt)
  sealer.seal(key, record.subarray(0, sealAt)).copy(record, sealAt)
  return record
}

/** Decodes a link; `undefined` unless the record is whole, of a known version and sealed for `key`. */
export function decodeLink(record: Buffer, key: string, sealer: Sealer): Link | undefined {
  if (record.length < FRAME_LENGTH || !record.subarray(0, 4).equals(MAGIC)) return undefined
  if (record[4] !== VERSION || record[5] !== sealer.kind) return undefined
  const metadataLength = record.readUInt16BE(6)
  if (metadataLength > MAX_METADATA) return undefined
  const sealAt = record.length - SEAL_LENGTH
  const digestsAt = HEADER_LENGTH + metadataLength
  if (sealAt !== digestsAt + record.readUInt32BE(20) * Digest.byteLength) return undefined
  if (!sealer.fits(record.subarray(sealAt), key, record.subarray(0, sealAt))) return undefined

  const digest = Digest.from(record.subarray(24, HEADER_LENGTH))
  const size = Number(record.readBigUInt64BE(8))
  const chunkSize = record.readUInt32BE(16)
  const digests = record.subarray(digestsAt, sealAt)
  if (!isPossible(digest, size, chunkSize, digests)) return undefined
  const metadata = parseMetadata(record.subarray(HEADER_LENGTH, digestsAt))
  return metadata && { manifest: new Manifest(digest, size, chunkSize, digests), ...metadata }
}

function parseMetadata(json: Buffer): Omit<Link, 'manifest'> | undefined {
  if (!isUtf8(json)) return undefined
  let value: unknown
  try {
    value = JSON.parse(json.toString())
  } catch {
    return undefined
  }
  if (!isRecord(value)) return undefined
  const { storedAt, ttl, endsAt, version, staleFor, keepFor, name, type, attributes } = value
  if (!isCount(storedAt, MAX_TIME) || !isCount(ttl, MAX_TTL)) return undefined
  if (endsAt !== undefined && !isCount(endsAt, MAX_TIME)) return undefined
  if (version !== undefined && !isCount(version, MAX_TIME)) return undefined
  if (staleFor !== undefined && !isCount(staleFor, MAX_TTL)) return undefined
  if (keepFor !== undefined && !isCount(keepFor, MAX_TTL)) return undefined
  if (!isOptionalString(name) || !isOptionalString(type)) return undefined
  if (attributes !== undefined && !isStringRecord(attributes)) return undefined
  return {
    storedAt,
    ttl,
    ...(endsAt !== undefined && { endsAt }),
    ...(version !== undefined && { version }),
    ...(staleFor !== undefined && { staleFor }),
    ...(keepFor !== undefined && { keepFor }),
    ...(name !== undefined && { name }),
    ...(type !== undefined && { type }),
    ...(attributes !== undefined && { attributes }),
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((entry) => typeof entry === 'string')
}

function isCount(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max
}

function isOptionalString(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}
