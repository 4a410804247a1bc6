/** Reads that pay for one hedge, and hedges that can be saved up for. */
const READS_PER_HEDGE = 10
const MAX_SAVED = 64

/**
 * Lets few reads be asked twice: a slow server is got around, and a slow network, or a process
 * that cannot keep up, does not get twice the work on top.
 */
export class HedgeBudget {
  #saved = MAX_SAVED

  /** To be called for each read. */
  earn(): void {
    this.#saved = Math.min(MAX_SAVED, this.#saved + 1 / READS_PER_HEDGE)
  }

  spend(): boolean {
    if (this.#saved < 1) return false
    this.#saved--
    return true
  }
}
