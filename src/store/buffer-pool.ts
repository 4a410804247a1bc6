/** Chunk buffers that can be filled again once they are written, instead of new memory each time. */
export class BufferPool {
  readonly #size: number
  readonly #maxFree: number
  readonly #free: ArrayBufferLike[] = []
  /** Weak: what is dropped on the way of a failed upload must not be kept for ever. */
  readonly #lent = new WeakSet<ArrayBufferLike>()

  constructor(size: number, maxFree: number) {
    this.#size = size
    this.#maxFree = maxFree
  }

  take(): Buffer {
    const memory = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#size).buffer
    this.#lent.add(memory)
    return Buffer.from(memory)
  }

  /**
   * Takes back a buffer, or a part of one, that nothing reads any more. A buffer whose write failed
   * may still be on its way to a socket: drop that one with `reusable` false.
   */
  giveBack(chunk: Buffer, reusable = true): void {
    const ours = this.#lent.delete(chunk.buffer)
    if (ours && reusable && this.#free.length < this.#maxFree) this.#free.push(chunk.buffer)
  }
}
