/** Bytes of memory that small buffers are cut from. */
const BLOCK_LENGTH = 256 * 1024
/** Larger buffers would leave too much of a block unused, and too much of it in use for long. */
export const MAX_PART = 32 * 1024

/**
 * Small buffers cut out of larger blocks, which are freed when nothing refers to any part of them: memory
 * outside the heap is dear by the piece, in time and in work for the garbage collector.
 */
export class Arena {
  #block = Buffer.alloc(0)
  #used = 0

  /** Memory for `length` bytes, `MAX_PART` at most, with anything in it. */
  take(length: number): Buffer {
    if (this.#used + length > this.#block.length) {
      this.#block = Buffer.allocUnsafeSlow(BLOCK_LENGTH)
      this.#used = 0
    }
    const part = this.#block.subarray(this.#used, this.#used + length)
    this.#used = (this.#used + length + 7) & ~7
    return part
  }
}
