import { Arena } from './arena.ts'

/** Chunk buffers that are filled again when nothing needs them any more, instead of new memory. */
export class BufferPool {
  readonly size: number
  readonly #maxFree: number
  readonly #free: ArrayBufferLike[] = []
  /** Weak: what is dropped on the way of a failed request must not be kept for ever. */
  readonly #lent = new WeakSet<ArrayBufferLike>()
  readonly #arena = new Arena()

  /** @param size Bytes of a buffer. @param maxFree How many of them wait for their next use. */
  constructor(size: number, maxFree: number) {
    this.size = size
    this.#maxFree = maxFree
  }

  /**
   * Memory for `length` bytes with anything in it. Small ones are parts of larger blocks, and very large
   * ones are made new.
   */
  take(length = this.size): Buffer {
    if (length > this.size) return Buffer.allocUnsafeSlow(length)
    if (length < this.size / 4) return this.#arena.take(length)
    const memory = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.size).buffer
    this.#lent.add(memory)
    return Buffer.from(memory, 0, length)
  }

  /**
   * Takes back a buffer, or a part of one, that nothing reads or writes any more; what did not come
   * from here is left alone. When in doubt whether something still does, do not give it back.
   */
  giveBack(chunk: Buffer): void {
    const ours = this.#lent.delete(chunk.buffer)
    if (ours && this.#free.length < this.#maxFree) this.#free.push(chunk.buffer)
  }
}
