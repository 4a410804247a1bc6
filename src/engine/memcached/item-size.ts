/**
 * What an item costs beside its key and value: the header (48), the CAS (8), the zero after the key
 * (1) and the line end after the value (2). The limit `-I` counts all of it.
 */
export const ITEM_OVERHEAD = 48 + 8 + 1 + 2

/** The largest value under a key of `keyLength` bytes when an item may take `maxItemSize`. */
export function maxValueSize(maxItemSize: number, keyLength: number): number {
  return Math.max(0, maxItemSize - ITEM_OVERHEAD - keyLength)
}
