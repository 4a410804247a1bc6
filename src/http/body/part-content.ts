/** Content that waits to be stored, over all parts of a form: beyond this, its sender waits. */
const MAX_WAITING = 256 * 1024
/** Parts that are being stored at once. */
const MAX_OPEN = 4
/** Small pieces are joined up to this size: a parser gives them out by the line. */
const BLOCK_SIZE = 64 * 1024

/** Stops and starts the body of a form, so that it comes no faster than its parts are stored. */
export class Flow {
  readonly #body: { pause(): unknown; resume(): unknown }
  #waiting = 0
  #open = 0
  #isPaused = false

  constructor(body: { pause(): unknown; resume(): unknown }) {
    this.#body = body
  }

  /** Bytes that came, or with a negative number, were taken. */
  came(bytes: number): void {
    this.#waiting += bytes
    this.#update()
  }

  /** One part more is being stored, or with -1, one less. */
  opened(parts: 1 | -1): void {
    this.#open += parts
    this.#update()
  }

  #update(): void {
    const isFull = this.#waiting > MAX_WAITING || this.#open > MAX_OPEN
    if (isFull === this.#isPaused) return
    this.#isPaused = isFull
    if (isFull) this.#body.pause()
    else this.#body.resume()
  }
}

/** The content of one part: pushed by the parser, pulled by the store. */
export class PartContent implements AsyncIterable<Buffer> {
  readonly #flow: Flow
  #blocks: Buffer[] = []
  #filled = 0
  #end: { error?: unknown } | undefined
  #isDropped = false
  #wake = () => {}

  constructor(flow: Flow) {
    this.#flow = flow
  }

  push(piece: Buffer): void {
    if (this.#isDropped) return
    this.#flow.came(piece.length)
    // Copied in any case: the parser uses some of its memory again.
    for (let rest = piece; rest.length > 0; ) {
      if (this.#filled === 0) this.#blocks.push(Buffer.allocUnsafe(BLOCK_SIZE))
      const copied = rest.copy(this.#blocks.at(-1)!, this.#filled)
      rest = rest.subarray(copied)
      this.#filled = (this.#filled + copied) % BLOCK_SIZE
    }
    this.#wake()
  }

  /** Ends the content. With an error, the reader gets that instead of what is left. */
  end(error?: unknown): void {
    this.#end ??= error === undefined ? {} : { error }
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (;;) {
        if (this.#end?.error !== undefined) throw this.#end.error
        const block = this.#take()
        if (block !== undefined) {
          this.#flow.came(-block.length)
          yield block
        } else if (this.#end !== undefined) {
          return
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      }
    } finally {
      this.#drop()
    }
  }

  #take(): Buffer | undefined {
    const block = this.#blocks.shift()
    if (block === undefined || this.#blocks.length > 0 || this.#filled === 0) return block
    const filled = block.subarray(0, this.#filled)
    this.#filled = 0
    return filled
  }

  #drop(): void {
    this.#isDropped = true
    for (let block = this.#take(); block !== undefined; block = this.#take()) {
      this.#flow.came(-block.length)
    }
  }
}
