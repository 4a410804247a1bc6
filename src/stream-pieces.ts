import type { Readable } from 'node:stream'

interface Reader {
  resolve(result: IteratorResult<Uint8Array, undefined>): void
  reject(reason: unknown): void
}

/**
 * What a stream yields, piece by piece, as its own iterator does but with far less work for each: a
 * piece that the reader waits for passes no queue. While it does not wait, the stream is paused. It is
 * never destroyed here.
 */
export class StreamPieces implements AsyncIterator<Uint8Array, undefined> {
  readonly #stream: Readable
  /** Pieces that came before they were asked for: one, unless the stream goes on although it is paused. */
  readonly #early: Uint8Array[] = []
  #reader: Reader | undefined
  #isEnded = false
  #failure: { reason: unknown } | undefined

  /** @param stream One without `readable` listeners, which would keep it from flowing. */
  constructor(stream: Readable) {
    this.#stream = stream
    if (stream.destroyed) {
      this.fail(stream.errored ?? closedEarly())
      return
    }
    stream.on('data', this.#onData)
    stream.on('end', this.#onEnd)
    stream.on('error', this.fail)
    stream.on('close', this.#onClose)
    stream.resume()
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const piece = this.#early.shift()
    if (piece !== undefined) {
      if (this.#early.length === 0 && !this.#isEnded) this.#stream.resume()
      return Promise.resolve({ done: false, value: piece })
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason)
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject }
    })
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#end()
    this.#early.length = 0
    return { done: true, value: undefined }
  }

  /** Ends it with what the reader is to be told. Only the first reason counts. */
  readonly fail = (reason: unknown): void => {
    if (this.#isEnded) return
    this.#failure = { reason }
    this.#early.length = 0
    this.#end()?.reject(reason)
  }

  readonly #onData = (piece: Uint8Array): void => {
    const reader = this.#reader
    if (reader === undefined) {
      this.#early.push(piece)
      this.#stream.pause()
      return
    }
    this.#reader = undefined
    reader.resolve({ done: false, value: piece })
  }

  readonly #onEnd = (): void => this.#end()?.resolve({ done: true, value: undefined })

  readonly #onClose = (): void => this.fail(closedEarly())

  /** @returns Who was waiting for the next piece. */
  #end(): Reader | undefined {
    if (!this.#isEnded) {
      this.#isEnded = true
      const stream = this.#stream
      if (!stream.readableEnded) stream.pause()
      stream.off('data', this.#onData)
      stream.off('end', this.#onEnd)
      stream.off('error', this.fail)
      stream.off('close', this.#onClose)
    }
    const reader = this.#reader
    this.#reader = undefined
    return reader
  }
}

/** With the code that Node's own iterator gives it. */
function closedEarly(): Error {
  const error = new Error('the stream was closed before it ended')
  return Object.assign(error, { code: 'ERR_STREAM_PREMATURE_CLOSE' })
}
