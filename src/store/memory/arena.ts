/** Bytes of memory that small buffers are cut from. */
const BLOCK_LENGTH = 256 * 1024
/** Bytes of the smallest parts; others are twice, four times … as large. */
const MIN_PART = 1024
/** Larger buffers would leave too much of a block unused, and too much of it in use for long. */
export const MAX_PART = 32 * 1024

/**
 * Small buffers cut out of larger blocks: memory outside the heap is dear by the piece, in time and in work for
 * the garbage collector. Parts that were given back are lent again. A block is freed when nothing
 * refers to any part of it, whether or not they were given back.
 */
export class Arena {
  /** Blocks that have free parts, by size; the last one is used first. */
  readonly #open: Block[][] = Array.from({ length: classOf(MAX_PART) + 1 }, () => [])
  readonly #blocks = new WeakMap<ArrayBufferLike, Block>()

  /** Memory for `length` bytes, `MAX_PART` at most, with anything in it. */
  take(length: number): Buffer {
    const open = this.#open[classOf(length)]!
    const block = open.at(-1) ?? this.#add(classOf(length))
    const part = block.take(length)
    if (block.isFull) {
      open.pop()
      block.isOpen = false
    }
    return part
  }

  /** Says that so many must give `part` back before it is lent again. */
  share(part: Buffer, users: number): void {
    this.#blockOf(part)?.share(part, users)
  }

  /** Takes back a part, or a part of one; whether it is free now. What is not lent is left alone. */
  giveBack(part: Buffer): boolean {
    const block = this.#blockOf(part)
    if (block === undefined || !block.giveBack(part)) return false
    if (!block.isOpen) this.#open[classOf(block.size)]!.push(block)
    block.isOpen = true
    return true
  }

  /** Forgets the blocks that nothing was taken from since the last call; whether any are left. */
  letGo(): boolean {
    for (const [index, blocks] of this.#open.entries()) {
      for (const block of blocks) {
        block.isOpen = block.isUsed
        block.isUsed = false
      }
      this.#open[index] = blocks.filter(({ isOpen }) => isOpen)
    }
    return this.#open.some((blocks) => blocks.length > 0)
  }

  /** Where an empty buffer is says nothing: behind the last byte of a part the next one begins. */
  #blockOf({ buffer, length }: Buffer): Block | undefined {
    return length === 0 ? undefined : this.#blocks.get(buffer)
  }

  #add(index: number): Block {
    const block = new Block(MIN_PART << index)
    this.#blocks.set(block.memory, block)
    this.#open[index]!.push(block)
    return block
  }
}

/** Memory in parts of one size. */
class Block {
  readonly size: number
  readonly memory = Buffer.allocUnsafeSlow(BLOCK_LENGTH).buffer
  /** Whether the arena takes parts from it; said by the arena. */
  isOpen = true
  /** Whether a part was taken since the arena looked last. */
  isUsed = true
  /** How many have to give each part back. */
  readonly #users: number[]
  readonly #free: number[]

  constructor(size: number) {
    this.size = size
    this.#users = new Array<number>(BLOCK_LENGTH / size).fill(0)
    this.#free = [...this.#users.keys()]
  }

  get isFull(): boolean {
    return this.#free.length === 0
  }

  /** Only while there is a free part. */
  take(length: number): Buffer {
    const index = this.#free.pop()!
    this.#users[index] = 1
    this.isUsed = true
    return Buffer.from(this.memory, index * this.size, length)
  }

  share(part: Buffer, users: number): void {
    this.#users[this.#indexOf(part)] = users
  }

  giveBack(part: Buffer): boolean {
    const index = this.#indexOf(part)
    const users = this.#users[index]!
    if (users > 0) this.#users[index] = users - 1
    if (users === 1) this.#free.push(index)
    return users === 1
  }

  #indexOf({ byteOffset }: Buffer): number {
    return Math.floor(byteOffset / this.size)
  }
}

/** Which of the sizes is large enough: 0 up to `MIN_PART`, 1 up to twice of that, and so on. */
function classOf(length: number): number {
  return length <= MIN_PART ? 0 : 32 - Math.clz32((length - 1) / MIN_PART)
}
