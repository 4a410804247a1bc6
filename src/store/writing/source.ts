import { Readable } from 'node:stream'
import { InvalidArgumentError } from '../../errors.ts'
import { StreamPieces } from '../../stream-pieces.ts'
import { wrongArgument } from '../checks.ts'

/** The bytes of a file. The caller must not change them until the `put` that took them has settled. */
export type Source =
  | string
  | Uint8Array
  | Blob
  | Readable
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>

export type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** A source that is read once. */
export interface OpenSource {
  /** Of any size. */
  readonly pieces: Pieces
  /** Bytes, where that is known beforehand. */
  readonly size?: number
  /** Frees what the source holds; no more of it is read. Idempotent. */
  abandon(): void
}

/** @throws {InvalidArgumentError} for anything else, and for a stream that has been read already. */
export function open(source: Source): OpenSource {
  if (typeof source === 'string') return open(Buffer.from(source))
  if (source instanceof Uint8Array) {
    return { pieces: [source], size: source.byteLength, abandon: nothing }
  }
  if (source instanceof Blob) return { ...openWebStream(source.stream()), size: source.size }
  if (source instanceof ReadableStream) return openWebStream(source)
  if (source instanceof Readable) return openStream(source)
  if (isIterable(source)) return { pieces: source, abandon: nothing }
  throw new InvalidArgumentError(
    'a source is a string, a Uint8Array, a Blob, a stream or an iterable of Uint8Array',
    { actual: Object.prototype.toString.call(source) },
  )
}

/** @throws {InvalidArgumentError} unless it is a number of bytes, or not known. */
export function checkSize(size: number | undefined): void {
  if (size === undefined || (Number.isSafeInteger(size) && size >= 0)) return
  throw wrongArgument('size', 'a whole number of bytes', size)
}

function nothing(): void {}

function openStream(stream: Readable): OpenSource {
  if (stream.readableEnded || stream.destroyed) {
    throw new InvalidArgumentError('the source is a stream that has been read or closed already')
  }
  // It may fail while it is not read: before the first piece is wanted, or after the upload has failed.
  stream.on('error', nothing)
  return {
    pieces: { [Symbol.asyncIterator]: () => piecesOf(stream) },
    abandon: () => void stream.destroy(),
  }
}

function piecesOf(stream: Readable): AsyncIterator<Uint8Array> {
  // A stream does not flow while it has such a listener; Node's iterator reads it nevertheless.
  const isPulled = stream.listenerCount('readable') > 0
  return isPulled ? stream.iterator({ destroyOnReturn: false }) : new StreamPieces(stream)
}

function openWebStream(stream: ReadableStream<Uint8Array>): OpenSource {
  if (stream.locked) throw new InvalidArgumentError('the source is a stream that is being read')
  const reader = stream.getReader()
  // A stream that failed cannot be cancelled; its reader has the reason.
  const abandon = () => void reader.cancel().catch(nothing)
  const iterator: AsyncIterator<Uint8Array> = {
    next: () => reader.read() as Promise<IteratorResult<Uint8Array>>,
  }
  return { pieces: { [Symbol.asyncIterator]: () => iterator }, abandon }
}

function isIterable(value: unknown): value is Pieces {
  return (
    typeof value === 'object' &&
    value !== null &&
    (Symbol.asyncIterator in value || Symbol.iterator in value)
  )
}

/**
 * Returns the same pieces until `signal` is aborted, even while the source has nothing to give: an
 * iterator cannot be interrupted, but the wait for it can. Pieces that are there already need no wait.
 */
export function untilAborted(pieces: Pieces, signal: AbortSignal | undefined): Pieces {
  if (signal === undefined || !(Symbol.asyncIterator in pieces)) return pieces
  return { [Symbol.asyncIterator]: () => interruptible(pieces[Symbol.asyncIterator](), signal) }
}

/** No generator, which puts three more promises between a piece and its reader. */
function interruptible(
  iterator: AsyncIterator<Uint8Array>,
  signal: AbortSignal,
): AsyncIterator<Uint8Array, undefined> {
  let stopWaiting: (reason: unknown) => void = nothing
  const onAbort = () => stopWaiting(signal.reason)
  signal.addEventListener('abort', onAbort)
  const forget = () => {
    stopWaiting = nothing
    signal.removeEventListener('abort', onAbort)
  }
  const close = () => {
    forget()
    Promise.resolve(iterator.return?.()).catch(nothing)
  }
  const next = () =>
    new Promise<IteratorResult<Uint8Array, undefined>>((resolve, reject) => {
      const fail = (reason: unknown) => {
        close()
        reject(reason)
      }
      if (signal.aborted) return fail(signal.reason)
      stopWaiting = fail
      const take = (result: IteratorResult<Uint8Array>) => {
        if (result.done) forget()
        resolve(result)
      }
      try {
        Promise.resolve(iterator.next()).then(take, fail)
      } catch (error) {
        fail(error)
      }
    })
  return {
    next,
    async return() {
      close()
      return { done: true, value: undefined }
    },
  }
}
