import { HEADER_LENGTH, REQUEST_MAGIC } from './protocol.ts'

/** An encoded request: everything but the value, and the value itself, which is never copied. */
export interface Request {
  readonly head: Buffer
  readonly value: Buffer | undefined
  /** Where the value of the answer is received; new memory when there is none. */
  readonly allocate?: Allocate | undefined
}

/** Memory for a value of `size` bytes. */
export type Allocate = (size: number) => Buffer

export interface RequestFields {
  opcode: number
  key?: string
  extras?: readonly number[]
  value?: Buffer | undefined
  /** Do it only if the item still has this CAS. */
  cas?: bigint
  allocate?: Allocate | undefined
}

/**
 * @param fields.extras 32-bit numbers.
 * @param opaque Comes back in the response.
 */
export function encode(fields: RequestFields, opaque: number): Request {
  const { opcode, key = '', extras = [], value, cas, allocate } = fields
  const extrasLength = extras.length * 4
  const bodyStart = HEADER_LENGTH + extrasLength
  const head = Buffer.allocUnsafe(bodyStart + key.length)
  head[0] = REQUEST_MAGIC
  head[1] = opcode
  head.writeUInt16BE(key.length, 2)
  head[4] = extrasLength
  head[5] = 0
  head.writeUInt16BE(0, 6)
  head.writeUInt32BE(extrasLength + key.length + (value?.length ?? 0), 8)
  head.writeUInt32BE(opaque, 12)
  head.writeUInt32BE(0, 16)
  head.writeUInt32BE(0, 20)
  if (cas !== undefined) head.writeBigUInt64BE(cas, 16)
  for (let i = 0; i < extras.length; i++) head.writeUInt32BE(extras[i]!, HEADER_LENGTH + i * 4)
  head.write(key, bodyStart, 'latin1')
  return { head, value, allocate }
}

export const opcodeOf = (head: Buffer): number => head[1]!
export const opaqueOf = (head: Buffer): number => head.readUInt32BE(12)
