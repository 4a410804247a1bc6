/**
 * Memory of one size that waits for its next use. As much stays as was in use lately.
 */
export class Shelf {
  readonly size: number
  readonly #free: ArrayBufferLike[] = []
  /** The fewest that have been free since `letGo` was called last: nobody needed these. */
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

  /** Frees what nobody needed since the last call; whether anything is left. */
  letGo(): boolean {
    this.#free.splice(0, this.#unneeded)
    this.#unneeded = this.#free.length
    return this.#unneeded > 0
  }
}
