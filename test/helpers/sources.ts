import { Readable } from 'node:stream'
import { setImmediate as tick } from 'node:timers/promises'
import type { Source } from '../../src/index.ts'

/** Yields `content` in pieces of these sizes in turn; a size of 0 yields an empty piece. */
export function* pieces(content: Buffer, sizes: readonly number[]): Generator<Buffer> {
  const advances = sizes.some((size) => size > 0)
  for (let at = 0, turn = 0; at < content.length; turn++) {
    const size = advances ? sizes[turn % sizes.length]! : content.length
    yield content.subarray(at, at + size)
    at += size
  }
}

export async function* slowly(parts: Iterable<Buffer>): AsyncGenerator<Buffer> {
  for (const part of parts) {
    await tick()
    yield part
  }
}

/** Makes each kind of source from the same bytes, in pieces of odd sizes. */
export const KINDS: Record<string, (content: Buffer) => Source> = {
  Buffer: (content) => content,
  Uint8Array: (content) => new Uint8Array(content),
  Blob: (content) => new Blob([content]),
  Readable: (content) => Readable.from(pieces(content, [1, 7, 0, 4099]), { objectMode: false }),
  ReadableStream: (content) => ReadableStream.from(pieces(content, [3, 1000])),
  'async iterable': (content) => slowly(pieces(content, [5, 0, 2053])),
  iterable: (content) => [...pieces(content, [997])],
}
