/**
 * The binary protocol of memcached, as far as it is used here.
 * https://github.com/memcached/memcached/wiki/BinaryProtocolRevamped
 */

export const HEADER_LENGTH = 24
export const REQUEST_MAGIC = 0x80
export const RESPONSE_MAGIC = 0x81

export const Opcode = {
  get: 0x00,
  set: 0x01,
  add: 0x02,
  delete: 0x04,
  noop: 0x0a,
  version: 0x0b,
  stat: 0x10,
  touch: 0x1c,
  saslAuth: 0x21,
} as const

export const Status = {
  ok: 0x00,
  notFound: 0x01,
  exists: 0x02,
  tooLarge: 0x03,
  notStored: 0x05,
  authError: 0x20,
  authContinue: 0x21,
  outOfMemory: 0x82,
} as const

const STATUS_NAMES = new Map<number, string>([
  [0x00, 'ok'],
  [0x01, 'key not found'],
  [0x02, 'key exists'],
  [0x03, 'value too large'],
  [0x04, 'invalid arguments'],
  [0x05, 'item not stored'],
  [0x06, 'not a number'],
  [0x07, 'wrong virtual bucket'],
  [0x08, 'authentication error'],
  [0x09, 'authentication continues'],
  [0x20, 'authentication failed'],
  [0x21, 'authentication continues'],
  [0x81, 'unknown command'],
  [0x82, 'out of memory'],
  [0x83, 'not supported'],
  [0x84, 'internal error'],
  [0x85, 'busy'],
  [0x86, 'temporary failure'],
])

export function statusName(status: number): string | undefined {
  return STATUS_NAMES.get(status)
}
