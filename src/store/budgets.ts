import type { Lease } from './byte-budget.ts'
import { ByteBudget } from './byte-budget.ts'
import type { Settings } from './options.ts'
import { windowFor } from './window.ts'

/**
 * How long a read that could be held whole waits for that, before it is read twice instead. Short:
 * the room may be taken by slow clients, and reading twice costs less than waiting for those.
 */
const HOLD_PATIENCE_MS = 250

/** The memory of all requests together, in two parts, so that neither kind can starve the other. */
export class Budgets {
  readonly #held: ByteBudget
  readonly #windows: ByteBudget
  readonly #perRead: number

  constructor({ heldBytes, windowBytes, perRead }: Settings) {
    this.#held = new ByteBudget(heldBytes)
    this.#windows = new ByteBudget(windowBytes)
    this.#perRead = perRead
  }

  get usage(): MemoryUsage {
    return {
      used: this.#held.used + this.#windows.used,
      total: this.#held.total + this.#windows.total,
      waiting: this.#held.waiting + this.#windows.waiting,
    }
  }

  /** Room to hold `bytes` until they are sent, or `undefined` when they have to be read twice. */
  async hold(bytes: number, signal?: AbortSignal): Promise<Lease | undefined> {
    if (bytes > this.#perRead || bytes > this.#held.total) return undefined
    try {
      return await this.#held.acquire(bytes, bytes, { signal, patienceMs: HOLD_PATIENCE_MS })
    } catch {
      signal?.throwIfAborted()
      return undefined
    }
  }

  /** Room for `bytes` if there is some now. */
  tryHold(bytes: number): Lease | undefined {
    return this.#held.tryAcquire(bytes)
  }

  /**
   * Room for the chunks of one stream: those under way and the one that is being cut or sent; all
   * of `bytes` if that is less.
   * @throws {UnavailableError} when none became free for long.
   */
  async window(bytes: number, chunkSize: number, signal?: AbortSignal): Promise<WindowLease> {
    const want = Math.min(bytes, (windowFor(chunkSize) + 1) * chunkSize)
    const lease = await this.#windows.acquire(Math.min(bytes, 2 * chunkSize), want, { signal })
    const isAll = lease.bytes >= bytes
    const chunks = isAll ? Math.ceil(bytes / chunkSize) : Math.floor(lease.bytes / chunkSize)
    return { chunks: Math.max(1, chunks - 1), release: lease.release }
  }
}

export interface WindowLease {
  /** How many chunks may be under way beside the one in hand. */
  readonly chunks: number
  release(): void
}

/** Bytes, and requests in line for them. */
export interface MemoryUsage {
  used: number
  total: number
  waiting: number
}
