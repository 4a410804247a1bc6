import { UnavailableError } from '../index.ts'

/** How many times as many as may have a turn may wait for one. */
const WAITING = 16

/** Bounds how much of some work is under way. */
export class Turns {
  readonly #max: number
  readonly #patienceMs: number
  readonly #waiting = new Set<() => void>()
  #taken = 0

  /** @param patienceMs How long to wait for a turn. */
  constructor(max: number, patienceMs: number) {
    this.#max = max
    this.#patienceMs = patienceMs
  }

  get taken(): number {
    return this.#taken
  }

  /** How many wait for a turn. */
  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Resolves with what gives the turn back.
   * @throws {UnavailableError} when too many wait, or it takes too long.
   */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#taken < this.#max) this.#taken++
    else await this.#wait(signal)
    let isGiven = false
    return () => {
      if (!isGiven) this.#give()
      isGiven = true
    }
  }

  /** Hands the turn to the one that waits longest. */
  #give(): void {
    const [next] = this.#waiting
    if (next === undefined) this.#taken--
    else next()
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= WAITING * this.#max) throw tooMany()
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        this.#waiting.delete(next)
      }
      const next = () => {
        leave()
        resolve()
      }
      const onAbort = () => {
        leave()
        reject(signal.reason)
      }
      const timer = setTimeout(() => {
        leave()
        reject(tooMany())
      }, this.#patienceMs)
      this.#waiting.add(next)
      signal.addEventListener('abort', onAbort)
    })
  }
}

function tooMany(): UnavailableError {
  return new UnavailableError('too many files are being fetched from the origin')
}
