import type { StoreSettings } from '../options.ts'
import { ByteBudget, type Lease } from './byte-budget.ts'
import { type UploadBudgets, UploadMemory } from './upload-memory.ts'
import { windowFor } from './window.ts'

/**
 * Milliseconds that a read waits for room to be held before it is read twice instead. Short: slow clients
 * may have the room, and reading twice costs less than waiting for those.
 */
const HOLD_PATIENCE_MS = 250

/** Looks that may wait: each has the whole list of its chunks by then. */
const WAITING_LOOKS = 64

/** `receiving` and `sending` may take as long as a client, or a look at a large file; `short` waits for neither. */
export type WorkKind = 'short' | 'receiving' | 'sending'

/** The memory of all requests together, in parts, so that no kind can starve another. */
export class Budgets {
  readonly #held: ByteBudget
  readonly #reads: ByteBudget
  readonly #uploads: UploadBudgets
  readonly #work: Readonly<Record<WorkKind, ByteBudget>>
  readonly #looks: ByteBudget
  readonly #chunkSize: number
  readonly #perRead: number

  constructor(settings: StoreSettings) {
    const startBytes = Math.floor(settings.uploadBytes / 4)
    this.#held = new ByteBudget(settings.heldBytes)
    this.#reads = new ByteBudget(settings.readBytes)
    this.#uploads = {
      starts: new ByteBudget(startBytes),
      chunks: new ByteBudget(settings.uploadBytes - startBytes),
    }
    this.#work = {
      short: new ByteBudget(settings.workBytes),
      receiving: new ByteBudget(settings.longWorkBytes),
      sending: new ByteBudget(settings.longWorkBytes),
    }
    const tooMany = 'too many large files are looked at'
    this.#looks = new ByteBudget(settings.longWorkBytes, WAITING_LOOKS, tooMany)
    this.#chunkSize = settings.chunkSize
    this.#perRead = settings.perRead
  }

  get usage(): MemoryUsage {
    const { starts, chunks } = this.#uploads
    const work = Object.values(this.#work)
    const parts = [this.#held, this.#reads, starts, chunks, this.#looks, ...work]
    const sum = (figure: keyof MemoryUsage) => parts.reduce((all, part) => all + part[figure], 0)
    return { used: sum('used'), total: sum('total'), waiting: sum('waiting') }
  }

  /** Whether one read may ever hold so much. */
  mayHold(bytes: number): boolean {
    return bytes <= this.#perRead && bytes <= this.#held.total
  }

  /** Room for `bytes` until they are sent, or `undefined` when they have to be read twice. */
  async hold(bytes: number, signal?: AbortSignal): Promise<Lease | undefined> {
    if (!this.mayHold(bytes)) return undefined
    try {
      return await this.#held.acquire(bytes, bytes, { signal, patienceMs: HOLD_PATIENCE_MS })
    } catch {
      signal?.throwIfAborted()
      return undefined
    }
  }

  /** As `hold`, but never waits. */
  tryHold(bytes: number): Lease | undefined {
    return this.mayHold(bytes) ? this.#held.tryAcquire(bytes) : undefined
  }

  /** Room for a part of `bytes`, if there is some without waiting: never the second half, which others hold whole. */
  tryKeep(bytes: number): Lease | undefined {
    const { total, used } = this.#held
    const room = Math.min(bytes, this.#perRead, Math.floor(total / 2) - used)
    return room > 0 ? this.#held.tryAcquire(room) : undefined
  }

  /**
   * Room for `bytes` of other work. Each kind has a part of its own.
   * @throws {UnavailableError} when there is none for 30 seconds, or too many wait for some.
   */
  work(bytes: number, kind: WorkKind, signal?: AbortSignal): Promise<Lease> {
    return this.#work[kind].acquire(bytes, bytes, { signal })
  }

  /**
   * Room for a look whether the chunks of a large file are there, which takes `bytes` from when its link was read.
   * @throws {UnavailableError} when there is none for 30 seconds, or some wait already.
   */
  look(bytes: number, signal?: AbortSignal): Promise<Lease> {
    return this.#looks.acquire(bytes, bytes, { signal })
  }

  /** The memory of one upload. @param bytes Of the file; `Infinity` where that is not known. */
  upload(bytes: number, signal?: AbortSignal): UploadMemory {
    return new UploadMemory(this.#uploads, this.#chunkSize, bytes, signal)
  }

  /**
   * Room for the chunks of one read: those under way and the one that is being sent; all of `bytes` if that
   * is less. Once half of the memory is in use, two chunks.
   * @throws {UnavailableError} when there is none for 30 seconds, or too many wait for some.
   */
  async window(bytes: number, chunkSize: number, signal?: AbortSignal): Promise<WindowLease> {
    const part = this.#reads
    const min = Math.min(bytes, 2 * chunkSize)
    const isTight = part.used > part.total / 2
    const want = isTight ? min : Math.min(bytes, (windowFor(chunkSize) + 1) * chunkSize)
    const lease = await part.acquire(min, want, { signal })
    const isAll = lease.bytes >= bytes
    const chunks = isAll ? Math.ceil(bytes / chunkSize) : Math.floor(lease.bytes / chunkSize)
    return { chunks: Math.max(1, chunks - 1), release: () => lease.release() }
  }
}

export interface WindowLease {
  /** How many chunks may be under way beside the one in hand. */
  readonly chunks: number
  release(): void
}

/** Bytes in use and in all, and requests that wait for some. */
export interface MemoryUsage {
  used: number
  total: number
  waiting: number
}
