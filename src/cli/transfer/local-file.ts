import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { Digest } from '../../digest.ts'

const READ_BYTES = 1024 * 1024

/** Returns the digest of the first `size` bytes. */
export async function hashOf(file: FileHandle, size: number, signal: AbortSignal): Promise<Digest> {
  const digest = Digest.stream()
  for await (const piece of read(file, size)) {
    signal.throwIfAborted()
    digest.update(piece)
  }
  return digest.digest()
}

/** Reads the first `size` bytes. */
export function read(file: FileHandle, size: number): AsyncIterable<Buffer> {
  if (size === 0) return Readable.from([])
  return file.createReadStream({
    start: 0,
    end: size - 1,
    highWaterMark: READ_BYTES,
    autoClose: false,
  })
}

/** Passes the pieces on, and calls `count` with the size of each. */
export function counted(pieces: AsyncIterable<Buffer>, count: (bytes: number) => void): Readable {
  const passing = async function* () {
    for await (const piece of pieces) {
      count(piece.length)
      yield piece
    }
  }
  return Readable.from(passing(), { objectMode: false })
}
