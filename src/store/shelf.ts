/**
 * Memory of one size that waits for its next use. As much stays as was in use lately.
 */
export class Shelf {
  readonly size: number
  readonly #max: number
  readonly #free: ArrayBufferLike[] = []
  /** The fewest that have been free since `letGo` was called last: nobody needed these. */
  #unneeded = 0

  /** @param size Bytes of a piece. @param max How many of them may wait. */
  constructor(size: number, max: number) {
    this.size = size
    this.#max = max
  }

  take(): ArrayBufferLike {
    const memory = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.size).buffer
    this.#unneeded = Math.min(this.#unneeded, this.#free.length)
    return memory
  }

  put(memory: ArrayBufferLike): void {
    if (this.#free.length < this.#max) this.#free.push(memory)
  }

  /** Frees what nobody needed since the last call; whether anything is left. */
  letGo(): boolean {
    this.#free.splice(0, this.#unneeded)
    this.#unneeded = this.#free.length
    return this.#unneeded > 0
  }
}
