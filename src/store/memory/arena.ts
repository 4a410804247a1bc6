import { ChunkBytes, type MemoryOwner } from './chunk-bytes.ts'

/** Bytes of memory that small buffers are cut from. */
const BLOCK_LENGTH = 256 * 1024
/** Bytes of the smallest parts; others are twice, four times … as large. */
const MIN_PART = 1024
/** Larger buffers would leave too much of a block unused, and too much of it in use for long. */
export const MAX_PART = 32 * 1024

/**
 * Small buffers cut out of larger blocks: allocating many small external buffers is slow and triggers garbage
 * collections. Parts that were given back are lent again. A block is freed when nothing refers to any
 * part of it, whether or not they were given back.
 */
export class Arena {
  /** Blocks that have free parts, by size; the last one is used first. */
  readonly #open: Block[][] = Array.from({ length: classOf(MAX_PART) + 1 }, () => [])
  readonly #onFree: () => void

  /** @param onFree Called whenever a part is free again. */
  constructor(onFree: () => void = () => {}) {
    this.#onFree = onFree
  }

  /** Memory for `length` bytes, `MAX_PART` at most, with anything in it. */
  take(length: number): ChunkBytes {
    const open = this.#open[classOf(length)]!
    const block = open.at(-1) ?? this.#add(classOf(length))
    const part = block.take(length)
    if (block.isFull) {
      open.pop()
      block.isOpen = false
    }
    return part
  }

  /** Forgets the blocks that nothing was taken from since the last call. Returns whether any are left. */
  dropUnused(): boolean {
    for (const [index, blocks] of this.#open.entries()) {
      for (const block of blocks) {
        block.isOpen = block.isUsed
        block.isUsed = false
      }
      this.#open[index] = blocks.filter(({ isOpen }) => isOpen)
    }
    return this.#open.some((blocks) => blocks.length > 0)
  }

  #add(index: number): Block {
    const block = new Block(MIN_PART << index, () => {
      if (!block.isOpen) this.#open[index]!.push(block)
      block.isOpen = true
      this.#onFree()
    })
    this.#open[index]!.push(block)
    return block
  }
}

/** Memory in parts of one size. */
class Block implements MemoryOwner {
  /** Whether the arena takes parts from it; set by the arena. */
  isOpen = true
  /** Whether a part was taken since the arena looked last. */
  isUsed = true
  readonly #memory = Buffer.allocUnsafeSlow(BLOCK_LENGTH).buffer
  readonly #size: number
  readonly #onFree: () => void
  /** Indices of the parts that are not in use. */
  readonly #free: number[]

  constructor(size: number, onFree: () => void) {
    this.#size = size
    this.#onFree = onFree
    this.#free = Array.from({ length: BLOCK_LENGTH / size }, (_, index) => index)
  }

  get isFull(): boolean {
    return this.#free.length === 0
  }

  /** Only while there is a free part. */
  take(length: number): ChunkBytes {
    this.isUsed = true
    const at = this.#free.pop()! * this.#size
    return new ChunkBytes(Buffer.from(this.#memory, at, length), this)
  }

  takeBack({ byteOffset }: Buffer): void {
    this.#free.push(Math.floor(byteOffset / this.#size))
    this.#onFree()
  }
}

/** Which of the sizes is large enough: 0 up to `MIN_PART`, 1 up to twice of that, and so on. */
function classOf(length: number): number {
  return length <= MIN_PART ? 0 : 32 - Math.clz32((length - 1) / MIN_PART)
}
