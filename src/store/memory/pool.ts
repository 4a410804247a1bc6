import { Arena, MAX_PART } from './arena.ts'
import { ChunkBytes, type MemoryOwner } from './chunk-bytes.ts'

/** Milliseconds after which free memory that was not needed in the meantime is dropped. */
const PERIOD_MS = 5000

/** Bytes of the sizes beside that of a whole chunk, for those that are much smaller. */
const SMALLER = [64 * 1024, 128 * 1024]

/**
 * Memory for chunks that is filled again when nothing needs it any more: the kernel has to clear new memory,
 * and the garbage collector has to find it again.
 */
export class BufferPool implements MemoryOwner {
  readonly #size: number
  readonly #maxFreeBytes: number
  readonly #periodMs: number
  readonly #shelves: readonly Shelf[]
  readonly #arena = new Arena(() => this.#dropUnusedSoon())
  #period: NodeJS.Timeout | undefined

  /** @param size Bytes of a chunk. @param maxFree How many of them, in bytes, wait for their next use. */
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
  take(length = this.#size): ChunkBytes {
    const isSmall = length < this.#size / 4 && length <= MAX_PART
    if (isSmall) return this.#arena.take(length)
    const shelf = this.#shelves.find(({ size }) => size >= length && size <= 4 * length)
    if (shelf === undefined) return takeNew(length)
    return new ChunkBytes(Buffer.from(shelf.take(), 0, length), this, true)
  }

  /** As `take`, but in memory that nothing else is in: for what may stay long, or go to a thread. */
  takeAlone(length: number): ChunkBytes {
    return length < this.#size / 4 ? takeNew(length) : this.take(length)
  }

  /** Keeps the whole memory that `bytes` are a part of for its next use, if there is room for it. */
  takeBack({ buffer }: Buffer): void {
    const freeBytes = this.#shelves.reduce((sum, shelf) => sum + shelf.freeBytes, 0)
    if (freeBytes + buffer.byteLength > this.#maxFreeBytes) return
    this.#shelves.find(({ size }) => size === buffer.byteLength)?.put(buffer)
    this.#dropUnusedSoon()
  }

  #dropUnusedSoon(): void {
    this.#period ??= setInterval(() => this.#dropUnused(), this.#periodMs).unref()
  }

  #dropUnused(): void {
    const isAnyLeft = [...this.#shelves, this.#arena].map((each) => each.dropUnused())
    if (isAnyLeft.includes(true)) return
    clearInterval(this.#period)
    this.#period = undefined
  }
}

function takeNew(length: number): ChunkBytes {
  return new ChunkBytes(Buffer.allocUnsafeSlow(length), undefined, true)
}

/** Free memory of one size. As much stays as was in use in the last period. */
class Shelf {
  readonly size: number
  readonly #free: ArrayBufferLike[] = []
  /** The fewest that have been free since the last `dropUnused`: as many were not needed. */
  #unneeded = 0

  /** @param size Bytes of a piece. */
  constructor(size: number) {
    this.size = size
  }

  get freeBytes(): number {
    return this.#free.length * this.size
  }

  take(): ArrayBufferLike {
    const memory = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.size).buffer
    this.#unneeded = Math.min(this.#unneeded, this.#free.length)
    return memory
  }

  put(memory: ArrayBufferLike): void {
    this.#free.push(memory)
  }

  /** Drops what was not needed since the last call. Returns whether anything is left. */
  dropUnused(): boolean {
    this.#free.splice(0, this.#unneeded)
    this.#unneeded = this.#free.length
    return this.#unneeded > 0
  }
}
