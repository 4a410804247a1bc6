import { Arena, MAX_PART } from './arena.ts'
import { Shelf } from './shelf.ts'

/** Milliseconds after which free buffers that nobody needed in the meantime are let go. */
const PERIOD_MS = 5000

/** Bytes of the sizes beside that of a whole chunk, for those that are much smaller. */
const SMALLER = [64 * 1024, 128 * 1024]

/**
 * Chunk buffers that are filled again when nothing needs them any more: new memory has to be cleared
 * by the kernel and found again by the garbage collector.
 */
export class BufferPool {
  readonly #size: number
  readonly #maxFreeBytes: number
  readonly #periodMs: number
  readonly #shelves: readonly Shelf[]
  /** Weak: what is dropped on the way of a failed request must not be kept for ever. */
  readonly #lent = new WeakSet<ArrayBufferLike>()
  readonly #arena = new Arena()
  #period: NodeJS.Timeout | undefined

  /** @param size Bytes of a buffer. @param maxFree How many of them, in bytes, wait for their next use. */
  constructor(size: number, maxFree: number, periodMs = PERIOD_MS) {
    this.#size = size
    this.#maxFreeBytes = maxFree * size
    this.#periodMs = periodMs
    const sizes = [...SMALLER.filter((smaller) => smaller < size / 2), size]
    this.#shelves = sizes.map((each) => new Shelf(each))
  }

  /**
   * Memory for `length` bytes with anything in it. Small ones are parts of larger blocks; what would take up
   * less than a quarter of a buffer, or does not fit the largest, is made new.
   */
  take(length = this.#size): Buffer {
    if (this.#isSmall(length)) return this.#arena.take(length)
    const shelf = this.#shelves.find(({ size }) => size >= length && size <= 4 * length)
    if (shelf === undefined) return Buffer.allocUnsafeSlow(length)
    const memory = shelf.take()
    this.#lent.add(memory)
    return Buffer.from(memory, 0, length)
  }

  /** As `take`, but in memory that nothing else is in: for what may stay long, or go elsewhere. */
  takeAlone(length: number): Buffer {
    return length < this.#size / 4 ? Buffer.allocUnsafeSlow(length) : this.take(length)
  }

  /**
   * Takes back a buffer, or a part of one, that nothing reads or writes any more; what did not come
   * from here is left alone. When in doubt whether something still does, do not give it back.
   */
  giveBack(chunk: Buffer): void {
    if (!this.#lent.delete(chunk.buffer)) return
    const freeBytes = this.#shelves.reduce((sum, shelf) => sum + shelf.freeBytes, 0)
    if (freeBytes + chunk.buffer.byteLength > this.#maxFreeBytes) return
    this.#shelfOf(chunk.buffer)?.put(chunk.buffer)
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
    if (this.#shelfOf(memory) !== undefined) this.#lent.add(memory)
  }

  #shelfOf({ byteLength }: ArrayBufferLike): Shelf | undefined {
    return this.#shelves.find(({ size }) => size === byteLength)
  }

  #isSmall(length: number): boolean {
    return length < this.#size / 4 && length <= MAX_PART
  }

  #letGo(): void {
    const isAnyLeft = this.#shelves.map((shelf) => shelf.letGo()).includes(true)
    if (isAnyLeft) return
    clearInterval(this.#period)
    this.#period = undefined
  }
}
