/** Bytes that one read or write keeps under way at a time; at least two chunks. */
const WINDOW_BYTES = 2 * 1024 * 1024
const MAX_WINDOW = 64

/** Returns how many chunks of `chunkSize` bytes one read or write keeps under way at a time. */
export function windowFor(chunkSize: number): number {
  return Math.max(2, Math.min(MAX_WINDOW, Math.round(WINDOW_BYTES / chunkSize)))
}

/** Tasks under way, up to a limit. The first failure of any of them is kept, and thrown by `room` and `finish`. */
export class Window {
  readonly #limit: number
  readonly #tasks = new Set<Promise<void>>()
  #failure: { error: unknown } | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  add(task: Promise<void>): void {
    const settled = task
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .then(() => {
        this.#tasks.delete(settled)
      })
    this.#tasks.add(settled)
  }

  /** Waits until one more task may start. Rejects with the first failure of any of them. */
  async room(): Promise<void> {
    while (this.#tasks.size >= this.#limit && this.#failure === undefined) {
      await Promise.race(this.#tasks)
    }
    this.#throwFailure()
  }

  /** Waits for all tasks to succeed. */
  async finish(): Promise<void> {
    await this.settled()
    this.#throwFailure()
  }

  /** Waits for all tasks, however they end. */
  async settled(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks)
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

/**
 * Starts `fetch` for up to `limit` items ahead of the one that is yielded, and yields the results
 * in order. The first failure, in order, ends it. However it ends, nothing is under way afterwards.
 */
export async function* readAhead<T, R>(
  items: Iterable<T>,
  limit: number,
  fetch: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const iterator = items[Symbol.iterator]()
  const ahead: Promise<R>[] = []
  const fill = () => {
    while (ahead.length < limit) {
      const next = iterator.next()
      if (next.done) return
      const result = fetch(next.value)
      result.catch(() => {}) // It is awaited when its turn comes, if an earlier failure does not end this.
      ahead.push(result)
    }
  }
  try {
    fill()
    for (let result = ahead.shift(); result !== undefined; result = ahead.shift()) {
      const value = await result
      fill()
      yield value
    }
  } finally {
    await Promise.allSettled(ahead)
  }
}
