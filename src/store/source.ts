import { Readable } from 'node:stream'
import { InvalidArgumentError } from '../errors.ts'

/** Where a file's bytes come from. They must not change until the `put` that took them settles. */
export type Source =
  | string
  | Uint8Array
  | Blob
  | Readable
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>

/** The source's bytes in pieces of any size, and their total where it is known beforehand. */
export function piecesOf(source: Source): { pieces: Pieces; size?: number } {
  if (typeof source === 'string') return piecesOf(Buffer.from(source))
  if (source instanceof Uint8Array) return { pieces: [source], size: source.byteLength }
  if (source instanceof Blob) {
    return { pieces: source.stream() as AsyncIterable<Uint8Array>, size: source.size }
  }
  if (isIterable(source)) return { pieces: source }
  throw new InvalidArgumentError(
    'a source is a string, a Uint8Array, a Blob, a stream or an iterable of Uint8Array',
    { actual: Object.prototype.toString.call(source) },
  )
}

export type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

function isIterable(value: unknown): value is Pieces {
  return (
    typeof value === 'object' &&
    value !== null &&
    (Symbol.asyncIterator in value || Symbol.iterator in value)
  )
}

/**
 * Ends the waiting for a source that has nothing to give when `signal` is aborted: an iterator
 * cannot be interrupted, but the stream behind it can be destroyed.
 */
export function destroyOnAbort(source: Source, signal: AbortSignal | undefined): () => void {
  if (signal === undefined || !(source instanceof Readable)) return () => {}
  const destroy = () => {
    source.destroy(signal.reason instanceof Error ? signal.reason : undefined)
  }
  signal.addEventListener('abort', destroy, { once: true })
  return () => signal.removeEventListener('abort', destroy)
}
