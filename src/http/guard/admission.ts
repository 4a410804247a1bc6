import { UnavailableError } from '../../index.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { framingFault } from '../exchange/framing.ts'
import { HttpProblem } from '../problem.ts'

/** Bytes; twice what the longest name takes with every byte of it percent-encoded, and its query. */
const MAX_URL = 8192
/** What an overloaded server must still answer, or it is taken for a dead one. */
const ALWAYS_ADMITTED = new Set(['/healthz', '/readyz', '/metrics'])

/**
 * Refuses early, and with an answer, what a server has no room for or cannot do.
 * @throws {UnavailableError | HttpProblem}
 */
export function checkAdmission(exchange: Exchange): void {
  const { req, path } = exchange
  if (exchange.isSurplus && !ALWAYS_ADMITTED.has(path)) {
    exchange.endConnection()
    throw new UnavailableError('too many connections are open')
  }
  const fault = framingFault(exchange)
  if (fault !== undefined) throw new HttpProblem('bad-request', fault)
  if (req.url!.length > MAX_URL) {
    throw new HttpProblem('uri-too-long', `a URL has at most ${MAX_URL} bytes`)
  }
  if (exchange.hasUnknownExpectation) {
    throw new HttpProblem('expectation-failed', 'nothing but 100-continue can be expected')
  }
}

/** Requests with a body that are worked on at once. */
export class UploadSlots {
  readonly #max: number
  #used = 0

  constructor(max: number) {
    this.#max = max
  }

  /** @throws {UnavailableError} where that would be one too many. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#used >= this.#max) {
      throw new UnavailableError(`${this.#used} uploads are under way, which is the limit`)
    }
    this.#used++
    try {
      return await work()
    } finally {
      this.#used--
    }
  }
}
