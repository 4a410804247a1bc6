import { Readable } from 'node:stream'
import { InvalidArgumentError } from '../../errors.ts'
import { StreamPieces } from '../../stream-pieces.ts'

/** Where a file's bytes come from. They must not change until the `put` that took them settles. */
export type Source =
  | string
  | Uint8Array
  | Blob
  | Readable
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>

export type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** The bytes of a source, taken once. */
export interface OpenSource {
  /** Of any size. */
  readonly pieces: Pieces
  /** Bytes in all, where that is known beforehand. */
  readonly size?: number
  /** Frees what is behind a source of which no more will be read. Idempotent. */
  abandon(): void
}

/** @throws {InvalidArgumentError} when it is none, or a stream that has been read already. */
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

function nothing(): void {}

function openStream(stream: Readable): OpenSource {
  if (stream.readableEnded || stream.destroyed) {
    throw new InvalidArgumentError('the source is a stream that has been read or closed already')
  }
  // It may fail while nobody reads it, before the first piece is wanted or after the upload has failed.
  stream.on('error', nothing)
  return {
    pieces: { [Symbol.asyncIterator]: () => piecesOf(stream) },
    abandon: () => void stream.destroy(),
  }
}

function piecesOf(stream: Readable): AsyncIterator<Uint8Array> {
  // It does not flow while anybody listens to this; Node's iterator asks it for what it has.
  const isPulled = stream.listenerCount('readable') > 0
  return isPulled ? stream.iterator({ destroyOnReturn: false }) : new StreamPieces(stream)
}

function openWebStream(stream: ReadableStream<Uint8Array>): OpenSource {
  if (stream.locked) throw new InvalidArgumentError('the source is a stream that is being read')
  const reader = stream.getReader()
  // A stream that failed cannot be cancelled; whoever reads it learns why.
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
 * The same pieces until `signal` is aborted, even while the source has nothing to give: an
 * iterator cannot be interrupted, but the waiting for it can.
 */
export function untilAborted(pieces: Pieces, signal: AbortSignal): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => new Interruptible(pieces, signal) }
}

/** No generator: each would put three more promises between a piece and its reader. */
class Interruptible implements AsyncIterator<Uint8Array, undefined> {
  readonly #iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array>
  readonly #signal: AbortSignal
  #stopWaiting: (reason: unknown) => void = nothing
  readonly #onAbort = () => this.#stopWaiting(this.#signal.reason)

  constructor(pieces: Pieces, signal: AbortSignal) {
    this.#iterator =
      Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]()
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort)
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    return new Promise((resolve, reject) => {
      const fail = (reason: unknown) => {
        this.#close()
        reject(reason)
      }
      if (this.#signal.aborted) return fail(this.#signal.reason)
      this.#stopWaiting = fail
      const take = (result: IteratorResult<Uint8Array>) => {
        if (result.done) this.#forget()
        resolve(result)
      }
      try {
        Promise.resolve(this.#iterator.next()).then(take, fail)
      } catch (error) {
        fail(error)
      }
    })
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#close()
    return { done: true, value: undefined }
  }

  #forget(): void {
    this.#stopWaiting = nothing
    this.#signal.removeEventListener('abort', this.#onAbort)
  }

  #close(): void {
    this.#forget()
    Promise.resolve(this.#iterator.return?.()).catch(nothing)
  }
}
