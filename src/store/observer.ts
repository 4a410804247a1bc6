import type { FillResult } from './filling/result.ts'

/** Callbacks for metrics and logs; each is called synchronously and must not throw. */
export interface StoreObserver {
  /** An upload has begun. */
  uploadBegan?(): void
  /** An upload is over: the bytes of the file that it stored, or the error that it failed with. */
  uploadEnded?(result: { size: number } | { error: unknown }): void
  /** A file was produced, or waited for, once for all callers: with what came of it, or its error. */
  fillEnded?(result: FillResult): void
  /** A chunk that a read needed was gone, or was not what had been stored. */
  chunkLost?(state: 'evicted' | 'corrupt'): void
  /** The chunks of a record are together not the content of `hash`, which the record says they are. */
  manifestDisproved?(hash: string): void
}

/** Passes events on to the observers of a store. */
export class StoreEvents {
  readonly #observers: StoreObserver[] = []

  add(observer: StoreObserver): void {
    this.#observers.push(observer)
  }

  chunkLost(state: 'evicted' | 'corrupt'): void {
    for (const observer of this.#observers) observer.chunkLost?.(state)
  }

  manifestDisproved(hash: string): void {
    for (const observer of this.#observers) observer.manifestDisproved?.(hash)
  }

  fillEnded(result: FillResult): void {
    for (const observer of this.#observers) observer.fillEnded?.(result)
  }

  async upload<T extends { readonly size: number }>(work: () => Promise<T>): Promise<T> {
    for (const observer of this.#observers) observer.uploadBegan?.()
    try {
      const stored = await work()
      this.#uploadEnded({ size: stored.size })
      return stored
    } catch (error) {
      this.#uploadEnded({ error })
      throw error
    }
  }

  #uploadEnded(result: { size: number } | { error: unknown }): void {
    for (const observer of this.#observers) observer.uploadEnded?.(result)
  }
}
