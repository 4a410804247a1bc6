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
  /** How many must give it back. Weak: what is dropped when a request fails must not be kept for ever. */
  readonly #lent = new WeakMap<ArrayBufferLike, number>()
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
    this.#lent.set(memory, 1)
    return Buffer.from(memory, 0, length)
  }

  /** As `take`, but in memory that nothing else is in: for what may stay long, or go elsewhere. */
  takeAlone(length: number): Buffer {
    return length < this.#size / 4 ? Buffer.allocUnsafeSlow(length) : this.take(length)
  }

  /** Says that so many have got the buffer, each of whom will give it back. */
  share(chunk: Buffer, users: number): void {
    if (this.#lent.has(chunk.buffer)) this.#lent.set(chunk.buffer, users)
    else this.#arena.share(chunk, users)
  }

  /**
   * Takes back a buffer, or a part of one, that nothing reads or writes any more; what did not come
   * from here is left alone. When in doubt whether something still does, do not give it back.
   */
  giveBack(chunk: Buffer): void {
    const users = this.#lent.get(chunk.buffer)
    if (users === undefined) {
      if (this.#arena.giveBack(chunk)) this.#letGoSoon()
      return
    }
    if (users > 1) {
      this.#lent.set(chunk.buffer, users - 1)
      return
    }
    this.#lent.delete(chunk.buffer)
    const freeBytes = this.#shelves.reduce((sum, shelf) => sum + shelf.freeBytes, 0)
    if (freeBytes + chunk.buffer.byteLength > this.#maxFreeBytes) return
    this.#shelfOf(chunk.buffer)?.put(chunk.buffer)
    this.#letGoSoon()
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
    if (this.#shelfOf(memory) !== undefined) this.#lent.set(memory, 1)
  }

  #shelfOf({ byteLength }: ArrayBufferLike): Shelf | undefined {
    return this.#shelves.find(({ size }) => size === byteLength)
  }

  #isSmall(length: number): boolean {
    return length < this.#size / 4 && length <= MAX_PART
  }

  #letGoSoon(): void {
    this.#period ??= setInterval(() => this.#letGo(), this.#periodMs).unref()
  }

  #letGo(): void {
    const isAnyLeft = [...this.#shelves, this.#arena].map((each) => each.letGo()).includes(true)
    if (isAnyLeft) return
    clearInterval(this.#period)
    this.#period = undefined
  }
}
