import type { StoreSettings } from '../options.ts'
import { ByteBudget, type Lease } from './byte-budget.ts'
import { windowFor } from './window.ts'

/**
 * Milliseconds that a read waits for room to be held before it is read twice instead. Short: slow clients
 * may have the room, and reading twice costs less than waiting for those.
 */
const HOLD_PATIENCE_MS = 250

/** Bytes of an upload, up to an eighth of a chunk, that has a share of memory beside that of large ones. */
const SMALL_BYTES = 64 * 1024

/** Who a window is for. Slow uploads must not keep reads waiting, nor slow reads uploads. */
export type Streaming = 'read' | 'upload'

/** The memory of all requests together, in four parts, so that no kind can starve another. */
export class Budgets {
  readonly #held: ByteBudget
  readonly #windows: Readonly<Record<Streaming, ByteBudget>>
  readonly #work: ByteBudget
  readonly #perRead: number

  constructor({ heldBytes, readBytes, uploadBytes, workBytes, perRead }: StoreSettings) {
    this.#held = new ByteBudget(heldBytes)
    this.#work = new ByteBudget(workBytes)
    this.#windows = { read: new ByteBudget(readBytes), upload: new ByteBudget(uploadBytes) }
    this.#perRead = perRead
  }

  get usage(): MemoryUsage {
    const parts = [this.#held, this.#windows.read, this.#windows.upload, this.#work]
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
   * Room for `bytes` of other work.
   * @throws {UnavailableError} when there is none for 30 seconds, or too many wait for some.
   */
  work(bytes: number, signal?: AbortSignal): Promise<Lease> {
    return this.#work.acquire(bytes, bytes, { signal })
  }

  /**
   * Room for the chunks of one stream: those under way and the one that is being cut or sent; all
   * of `bytes` if that is less. Small uploads need not wait for large ones. Once half of the memory is in use, two chunks.
   * @throws {UnavailableError} when there is none for 30 seconds, or too many wait for some.
   */
  async window(
    kind: Streaming,
    bytes: number,
    chunkSize: number,
    signal?: AbortSignal,
  ): Promise<WindowLease> {
    const part = this.#windows[kind]
    if (kind === 'upload' && bytes <= Math.min(SMALL_BYTES, chunkSize / 8)) {
      const lease = part.tryAcquire(bytes) ?? (await this.work(bytes, signal))
      return { chunks: 1, release: () => lease.release() }
    }
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
