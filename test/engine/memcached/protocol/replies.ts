/** What memcached answers in the binary protocol. */
export function encodeReply(
  opcode: number,
  {
    opaque = 0,
    status = 0,
    extras = Buffer.alloc(0),
    key = Buffer.alloc(0),
    value = Buffer.alloc(0),
  },
): Buffer {
  const head = Buffer.alloc(24)
  head[0] = 0x81
  head[1] = opcode
  head.writeUInt16BE(key.length, 2)
  head[4] = extras.length
  head.writeUInt16BE(status, 6)
  head.writeUInt32BE(extras.length + key.length + value.length, 8)
  head.writeUInt32BE(opaque, 12)
  head.writeBigUInt64BE(casOf(opaque), 16)
  return Buffer.concat([head, extras, key, value])
}

/** With bits in all of its bytes. */
export const casOf = (opaque: number) => 0xfedc_ba98_7654_3210n ^ BigInt(opaque)

export function encodeStats(opaque: number, figures: readonly [string, string][]): Buffer {
  const parts = figures.map(([name, figure]) => {
    const [key, value] = [Buffer.from(name, 'latin1'), Buffer.from(figure, 'latin1')]
    return encodeReply(0x10, { opaque, key, value })
  })
  return Buffer.concat([...parts, encodeReply(0x10, { opaque })])
}
