import { randomBytes } from 'node:crypto'
import type { ByteRange } from '../../index.ts'
import { contentRange } from '../fields/range.ts'
import type { Segment } from './respond.ts'

/** Several ranges in one body: multipart/byteranges (RFC 9110, 14.6). */
export class ByteRangesBody {
  readonly contentType: string
  readonly length: number
  /** What to send, in order. */
  readonly segments: readonly Segment[]

  constructor(ranges: readonly ByteRange[], size: number, type: string) {
    const boundary = randomBytes(18).toString('hex')
    const headOf = (range: ByteRange, index: number) =>
      Buffer.from(
        `${index === 0 ? '' : '\r\n'}--${boundary}\r\n` +
          `Content-Type: ${type}\r\nContent-Range: ${contentRange(range, size)}\r\n\r\n`,
        'latin1',
      )
    const heads = ranges.map(headOf)
    const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
    this.contentType = `multipart/byteranges; boundary=${boundary}`
    this.segments = [...ranges.flatMap((range, index) => [heads[index]!, range]), tail]
    this.length = this.segments.reduce((sum, segment) => sum + lengthOf(segment), 0)
  }
}

function lengthOf(segment: Segment): number {
  return 'start' in segment ? segment.end - segment.start : segment.length
}
