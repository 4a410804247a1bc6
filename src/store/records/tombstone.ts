import { SEAL_LENGTH, type Sealer } from './seal.ts'

/** The record of a deletion, newer than the link that it replaces. docs/format.md. */
export interface Tombstone {
  /** Unix time in milliseconds. */
  readonly deletedAt: number
}

/** Seconds, a day: how long a server may be away before what it comes back with can undo a deletion. */
export const TOMBSTONE_TTL = 24 * 3600
/** Seconds, where all servers have deleted it: longer than a repair, or a change of servers, takes. */
export const BRIEF_TOMBSTONE_TTL = 600

const MAGIC = Buffer.from('blbd')
const VERSION = 1
const HEADER_LENGTH = 16
const LENGTH = HEADER_LENGTH + SEAL_LENGTH

export function encodeTombstone({ deletedAt }: Tombstone, key: string, sealer: Sealer): Buffer {
  const record = Buffer.alloc(LENGTH)
  MAGIC.copy(record)
  record[4] = VERSION
  record[5] = sealer.kind
  record.writeBigUInt64BE(BigInt(deletedAt), 8)
  sealer.seal(key, record.subarray(0, HEADER_LENGTH)).copy(record, HEADER_LENGTH)
  return record
}

/** Decodes a tombstone; `undefined` unless the record is one, sealed for `key`. */
export function decodeTombstone(
  record: Buffer,
  key: string,
  sealer: Sealer,
): Tombstone | undefined {
  if (record.length !== LENGTH || !record.subarray(0, 4).equals(MAGIC)) return undefined
  if (record[4] !== VERSION || record[5] !== sealer.kind) return undefined
  const sealed = record.subarray(0, HEADER_LENGTH)
  if (!sealer.fits(record.subarray(HEADER_LENGTH), key, sealed)) return undefined
  const deletedAt = Number(record.readBigUInt64BE(8))
  return Number.isSafeInteger(deletedAt) ? { deletedAt } : undefined
}
