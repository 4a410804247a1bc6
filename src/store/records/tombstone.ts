import { SEAL_LENGTH, type Sealer } from './seal.ts'

/** Says that the link under a key was deleted; docs/format.md. Its only use is to be newer. */
export interface Tombstone {
  /** Unix time in milliseconds. */
  readonly deletedAt: number
}

/** Seconds after which a server that was away should not come back with what it had: a day. */
export const TOMBSTONE_TTL = 24 * 3600
/** Seconds where all servers have deleted it: longer than it takes a repair, or a new list of servers. */
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

/** The tombstone that `record` is, or `undefined` unless it is one, sealed for `key`. */
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
