import { Arena } from './arena.ts'

/** Milliseconds after which free buffers that nobody needed in the meantime are let go. */
const PERIOD_MS = 5000

/**
 * Chunk buffers that are filled again when nothing needs them any more: new memory has to be cleared
 * by the kernel and found again by the garbage collector. As many stay as were used lately.
 */
export class BufferPool {
  readonly #size: number
  readonly #maxFree: number
  readonly #periodMs: number
  readonly #free: ArrayBufferLike[] = []
  /** Weak: what is dropped on the way of a failed request must not be kept for ever. */
  readonly #lent = new WeakSet<ArrayBufferLike>()
  readonly #arena = new Arena()
  /** The fewest that have been free since the period began: nobody needed these. */
  #unneeded = 0
  #period: NodeJS.Timeout | undefined

  /** @param size Bytes of a buffer. @param maxFree How many of them wait for their next use. */
  constructor(size: number, maxFree: number, periodMs = PERIOD_MS) {
    this.#size = size
    this.#maxFree = maxFree
    this.#periodMs = periodMs
  }

  /**
   * Memory for `length` bytes with anything in it. Small ones are parts of larger blocks, and very large
   * ones are made new.
   */
  take(length = this.#size): Buffer {
    if (length > this.#size) return Buffer.allocUnsafeSlow(length)
    if (this.#isSmall(length)) return this.#arena.take(length)
    const memory = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#size).buffer
    this.#unneeded = Math.min(this.#unneeded, this.#free.length)
    this.#lent.add(memory)
    return Buffer.from(memory, 0, length)
  }

  /** As `take`, but in memory that nothing else is in: for what may stay long, or go elsewhere. */
  takeAlone(length: number): Buffer {
    return this.#isSmall(length) ? Buffer.allocUnsafeSlow(length) : this.take(length)
  }

  /**
   * Takes back a buffer, or a part of one, that nothing reads or writes any more; what did not come
   * from here is left alone. When in doubt whether something still does, do not give it back.
   */
  giveBack(chunk: Buffer): void {
    const ours = this.#lent.delete(chunk.buffer)
    if (!ours || this.#free.length >= this.#maxFree) return
    this.#free.push(chunk.buffer)
    this.#period ??= setInterval(() => this.#letGo(), this.#periodMs).unref()
  }

  /** `chunk` in memory that nothing else is in and that belongs to whoever asks: as it is, or copied. */
  own(chunk: Buffer): Buffer<ArrayBuffer> {
    if (this.#lent.has(chunk.buffer)) return chunk as Buffer<ArrayBuffer>
    const own = this.takeAlone(chunk.length)
    chunk.copy(own)
    return own as Buffer<ArrayBuffer>
  }

  /** What `own` gave has been on another thread and comes back as this memory. */
  adopt(memory: ArrayBufferLike): void {
    if (memory.byteLength === this.#size) this.#lent.add(memory)
  }

  #isSmall(length: number): boolean {
    return length < this.#size / 4
  }

  #letGo(): void {
    this.#free.splice(0, this.#unneeded)
    this.#unneeded = this.#free.length
    if (this.#unneeded > 0) return
    clearInterval(this.#period)
    this.#period = undefined
  }
}
