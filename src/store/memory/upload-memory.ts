import { InvalidArgumentError } from '../../errors.ts'
import type { ByteBudget, Lease } from './byte-budget.ts'

/** Bytes that the start of an upload may have, at most an eighth of a chunk. */
const START_BYTES = 32 * 1024

/** Where the memory of uploads comes from. */
export interface UploadBudgets {
  /** For the first bytes of uploads. Small files need no more, so that large ones never keep them waiting. */
  readonly starts: ByteBudget
  /** For the chunks of uploads of which more has come. */
  readonly chunks: ByteBudget
}

/**
 * The memory of one upload, which follows the bytes that came: room for its start from the first byte on, for
 * one chunk once more than that has come, and for further chunks while there is some. It waits in line for the
 * first two and never for more, so that no two uploads can wait for each other.
 */
export class UploadMemory {
  readonly #budgets: UploadBudgets
  readonly #chunkSize: number
  readonly #startBytes: number
  readonly #signal: AbortSignal | undefined
  /** Bytes of the file that belong to this chunk and those after it. */
  #left: number
  #start: Lease | undefined
  /** Whether there is room for one chunk at least, in place of the start. */
  #hasChunk = false
  /** Of the chunk in the making. */
  #current: Lease | undefined
  /** Of a chunk that is stored, for the next one. */
  #kept: Lease | undefined
  /** Of the chunks that were made and are not stored yet. */
  readonly #underWay = new Set<Lease>()
  #onStored: (() => void) | undefined

  /** @param size Bytes of the file; `Infinity` where that is not known. */
  constructor(budgets: UploadBudgets, chunkSize: number, size: number, signal?: AbortSignal) {
    this.#budgets = budgets
    this.#chunkSize = chunkSize
    this.#startBytes = Math.min(START_BYTES, Math.floor(chunkSize / 8), size)
    this.#left = size
    this.#signal = signal
  }

  /**
   * Sees to it that there is room for so many bytes of the chunk in the making. Returns a promise where that
   * takes a wait.
   * @throws {UnavailableError} when there is none for 30 seconds, or too many wait for some.
   * @throws {InvalidArgumentError} when those are more bytes than the file is said to have.
   */
  reserve(bytes: number): Promise<void> | undefined {
    if (bytes > this.#left)
      throw new InvalidArgumentError('the source has more bytes than was said')
    if (this.#current !== undefined) return undefined
    if (!this.#hasChunk) {
      this.#start ??= this.#budgets.starts.tryAcquire(this.#startBytes)
      if (this.#start === undefined) return this.#waitForStart(bytes)
      if (bytes <= this.#startBytes) return undefined
    }
    const size = Math.min(this.#chunkSize, this.#left)
    const lease = this.#kept ?? this.#budgets.chunks.tryAcquire(size)
    if (lease === undefined) return this.#waitForChunk(size)
    this.#use(lease)
    return undefined
  }

  /** Bytes that there is room for in the chunk in the making. */
  get room(): number {
    return this.#current?.bytes ?? this.#startBytes
  }

  /** Returns the room for the chunk that was made, of `bytes`: give it back once the chunk is stored. */
  complete(bytes: number): Lease | undefined {
    const lease = this.#current
    this.#current = undefined
    this.#left -= bytes
    if (lease !== undefined) this.#underWay.add(lease)
    return lease
  }

  /** The upload keeps the room for one chunk, and gives back what is more. */
  giveBack(lease: Lease | undefined): void {
    if (lease === undefined) return
    this.#underWay.delete(lease)
    if (this.#kept === undefined) this.#kept = lease
    else lease.release()
    this.#onStored?.()
  }

  /** Gives back all of it: call it when nothing is being stored any more. */
  close(): void {
    for (const lease of [this.#start, this.#current, this.#kept, ...this.#underWay]) {
      lease?.release()
    }
  }

  async #waitForStart(bytes: number): Promise<void> {
    const size = this.#startBytes
    this.#start = await this.#budgets.starts.acquire(size, size, { signal: this.#signal })
    await this.reserve(bytes)
  }

  async #waitForChunk(size: number): Promise<void> {
    if (!this.#hasChunk) {
      this.#use(await this.#budgets.chunks.acquire(size, size, { signal: this.#signal }))
      return
    }
    await new Promise<void>((resolve) => {
      this.#onStored = resolve
    })
    this.#use(this.#kept!)
  }

  #use(lease: Lease): void {
    this.#current = lease
    if (lease === this.#kept) this.#kept = undefined
    this.#hasChunk = true
    this.#start?.release()
  }
}
