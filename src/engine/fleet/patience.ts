import { UnavailableError } from '../../errors.ts'
import type { Member } from './member.ts'

/** Bytes a millisecond that any network brings to a server: 50 MB/s. */
const SLOWEST = 50_000
/** So many times what the others take is unusually long. */
const UNUSUAL = 4

/**
 * How long to wait for a server that answers late, compared with the others: where all are slow, the network
 * or this process is, and nothing would be faster elsewhere.
 */
export class Patience {
  readonly #leastMs: number
  readonly #members: () => readonly Member[]

  /** @param leastMs What is waited for any server, in milliseconds. */
  constructor(leastMs: number, members: () => readonly Member[]) {
    this.#leastMs = leastMs
    this.#members = members
  }

  /**
   * Settles as `work` does, or rejects when that takes unusually long; it goes on then.
   * @throws {UnavailableError}
   */
  async limit<R>(member: Member, work: Promise<R>): Promise<R> {
    const start = performance.now()
    let timer: NodeJS.Timeout | undefined
    let isOver = false
    const late = new Promise<never>((_resolve, reject) => {
      const judge = () => {
        const waited = performance.now() - start
        if (isOver) return
        if (waited >= this.#patienceFor(member)) {
          reject(
            new UnavailableError(`${member.name} has not answered for ${Math.round(waited)} ms`),
          )
        } else wait()
      }
      // What has arrived while this process was busy is looked at first.
      const wait = () => {
        timer = setTimeout(() => setImmediate(judge), this.#leastMs)
      }
      wait()
    })
    try {
      return await Promise.race([work, late])
    } finally {
      isOver = true
      clearTimeout(timer)
    }
  }

  #patienceFor(member: Member): number {
    const others = this.#members()
      .filter((other) => other !== member && other.isUp)
      .map(({ waitingMs }) => waitingMs)
      .sort((a, b) => a - b)
    const usual = others[others.length >> 1] ?? Number.POSITIVE_INFINITY
    return Math.max(this.#leastMs, UNUSUAL * usual) + member.bytesUnderWay / SLOWEST
  }
}
