/** Reads that earn one hedge, and hedges that can be saved. */
const READS_PER_HEDGE = 10
const MAX_SAVED = 64

/**
 * Limits the reads that ask a second server because the first is slow. That helps with a slow
 * server, but a slow network or a busy process must not get twice the work.
 */
export class HedgeBudget {
  #saved = MAX_SAVED

  /** Call it for each read. */
  earn(): void {
    this.#saved = Math.min(MAX_SAVED, this.#saved + 1 / READS_PER_HEDGE)
  }

  spend(): boolean {
    if (this.#saved < 1) return false
    this.#saved--
    return true
  }
}
