import type { Settings } from '../options.ts'
import type { Lease } from './byte-budget.ts'
import { ByteBudget } from './byte-budget.ts'
import { windowFor } from './window.ts'

/**
 * How long a read that could be held whole waits for that, before it is read twice instead. Short:
 * the room may be taken by slow clients, and reading twice costs less than waiting for those.
 */
const HOLD_PATIENCE_MS = 250

/** What streams: slow uploads must not keep others from reading, nor the other way round. */
export type Streaming = 'read' | 'upload'

/** The memory of all requests together, in three parts, so that no kind can starve another. */
export class Budgets {
  readonly #held: ByteBudget
  readonly #windows: Readonly<Record<Streaming, ByteBudget>>
  readonly #perRead: number

  constructor({ heldBytes, readBytes, uploadBytes, perRead }: Settings) {
    this.#held = new ByteBudget(heldBytes)
    this.#windows = { read: new ByteBudget(readBytes), upload: new ByteBudget(uploadBytes) }
    this.#perRead = perRead
  }

  get usage(): MemoryUsage {
    const parts = [this.#held, this.#windows.read, this.#windows.upload]
    const sum = (figure: keyof MemoryUsage) => parts.reduce((all, part) => all + part[figure], 0)
    return { used: sum('used'), total: sum('total'), waiting: sum('waiting') }
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

  /** Room for `bytes` if they may be held and there is some now. */
  tryHold(bytes: number): Lease | undefined {
    return bytes > this.#perRead ? undefined : this.#held.tryAcquire(bytes)
  }

  /**
   * Room for the chunks of one stream: those under way and the one that is being cut or sent; all
   * of `bytes` if that is less. Where half of the memory is in use there is room for two chunks only.
   * @throws {UnavailableError} when none became free for long.
   */
  async window(
    kind: Streaming,
    bytes: number,
    chunkSize: number,
    signal?: AbortSignal,
  ): Promise<WindowLease> {
    const part = this.#windows[kind]
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

/** Bytes, and requests in line for them. */
export interface MemoryUsage {
  used: number
  total: number
  waiting: number
}
