import { UnavailableError } from '../../errors.ts'

/** A share of a byte budget. Release it when the memory is free again. */
export class Lease {
  #bytes: number
  readonly #giveBack: (bytes: number) => void

  constructor(bytes: number, giveBack: (bytes: number) => void) {
    this.#bytes = bytes
    this.#giveBack = giveBack
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Gives back all but `bytes`. */
  shrink(bytes: number): void {
    const rest = this.#bytes - bytes
    this.#bytes = bytes
    if (rest > 0) this.#giveBack(rest)
  }

  /** Idempotent. */
  release(): void {
    this.shrink(0)
  }
}

export interface AcquireOptions {
  signal?: AbortSignal | undefined
  /** Milliseconds to wait in the queue. Default 30,000. */
  patienceMs?: number
}

interface Waiter {
  min: number
  want: number
  grant(lease: Lease): void
}

/**
 * Bytes that all requests together may hold. Where too few are left, requests wait in line, first come
 * first served. A holder of a lease that wants another one of the same budget waits for a moment at most, so that no
 * two wait for each other.
 */
export class ByteBudget {
  readonly total: number
  readonly #maxWaiters: number
  readonly #what: string
  readonly #waiters = new Set<Waiter>()
  #used = 0

  /** @param what For the message when there is none left. */
  constructor(total: number, maxWaiters = 4096, what = 'the memory budget is in use') {
    this.total = total
    this.#maxWaiters = maxWaiters
    this.#what = what
  }

  get used(): number {
    return this.#used
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /** Returns a lease of at least `min` and at most `want` bytes if there is one without waiting. */
  tryAcquire(min: number, want = min): Lease | undefined {
    return this.#waiters.size === 0 ? this.#take(min, want) : undefined
  }

  /**
   * Waits in line for a lease. A request for more than the total counts as one for the total.
   * @throws {UnavailableError} when the line is full, or its turn does not come for `patienceMs`.
   */
  async acquire(min: number, want: number, options: AcquireOptions = {}): Promise<Lease> {
    return this.tryAcquire(min, want) ?? this.#wait(min, want, options)
  }

  #wait(min: number, want: number, { signal, patienceMs = 30_000 }: AcquireOptions) {
    return new Promise<Lease>((resolve, reject) => {
      signal?.throwIfAborted()
      if (this.#waiters.size >= this.#maxWaiters) throw this.#busy('too many requests are waiting')
      const leave = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        this.#waiters.delete(waiter)
      }
      const waiter: Waiter = {
        min,
        want,
        grant: (lease) => {
          leave()
          resolve(lease)
        },
      }
      const fail = (error: unknown) => {
        leave()
        reject(error)
        this.#grantNext()
      }
      const onAbort = () => fail(signal?.reason)
      const timer = setTimeout(
        () => fail(this.#busy(`its turn did not come within ${patienceMs} ms`)),
        patienceMs,
      )
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiters.add(waiter)
    })
  }

  #take(min: number, want: number): Lease | undefined {
    const free = this.total - this.#used
    if (Math.min(min, this.total) > free) return undefined
    const bytes = Math.min(want, free)
    this.#used += bytes
    return new Lease(bytes, this.#giveBack)
  }

  readonly #giveBack = (bytes: number): void => {
    this.#used -= bytes
    this.#grantNext()
  }

  #grantNext(): void {
    for (const waiter of this.#waiters) {
      const lease = this.#take(waiter.min, waiter.want)
      if (lease === undefined) return
      waiter.grant(lease)
    }
  }

  #busy(why: string): UnavailableError {
    return new UnavailableError(`${this.#what}: ${why}`, { retryAfter: 1 })
  }
}
