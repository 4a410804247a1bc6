/** Where memory goes that nothing uses any more. */
export interface MemoryOwner {
  takeBack(bytes: Buffer): void
}

/**
 * The bytes of a chunk and the owner of their memory. Each user calls `release` once, when nothing reads or
 * writes the bytes on its behalf any more; the last one gives the memory back. What is never released
 * is left to the garbage collector.
 */
export class ChunkBytes {
  /** The owner's memory until it is given back. Replaced where a thread hands the memory back. */
  bytes: Buffer
  /** Whether nothing else is in the memory and it is not the caller's: another thread may have it. */
  readonly isAlone: boolean
  readonly #owner: MemoryOwner | undefined
  #users = 1

  /** @param owner Default: none, for memory that is not lent again. */
  constructor(bytes: Buffer, owner?: MemoryOwner, isAlone = false) {
    this.bytes = bytes
    this.#owner = owner
    this.isAlone = isAlone
  }

  get length(): number {
    return this.bytes.length
  }

  /** Adds users, each of whom has to call `release` before the memory is lent again. */
  retain(users = 1): void {
    this.#users += users
  }

  release(): void {
    this.#users--
    if (this.#users === 0) this.#owner?.takeBack(this.bytes)
  }
}
