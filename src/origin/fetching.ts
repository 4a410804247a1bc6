import type { HttpResponse } from '../transport.ts'
import type { Address } from './addresses.ts'
import type { OriginAnswer } from './answer.ts'
import type { BodyProgress } from './body.ts'
import { OriginError } from './errors.ts'

export type FetchOutcome = 'content' | 'unchanged' | 'absent' | 'failed' | 'timeout' | 'aborted'

export interface FetchFacts {
  /** The path that was asked for. */
  readonly path: string
  /** From the request until the last byte, or the failure. */
  readonly seconds: number
  /** Bytes of the body. */
  readonly bytes: number
  /** Why it failed. */
  readonly error?: unknown
}

/** One fetch, from its request until its body is over: what ends it, and what came of it. */
export class Fetching implements BodyProgress {
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout
  readonly #startedAt = performance.now()
  readonly #path: string
  readonly #caller: AbortSignal
  readonly #onClosed: () => void
  readonly #onEnd: (outcome: FetchOutcome, facts: FetchFacts) => void
  #outcome: FetchOutcome | undefined
  #error: unknown
  #bytes = 0
  #isBegun = false
  #isOver = false
  /** Since when the reader could take what it has not taken. */
  #offeredAt: number | undefined

  /**
   * @param onClosed Called once, when its connection does nothing more for it.
   * @param onEnd Called once, when its body was read to the end, or failed.
   */
  constructor(
    { address, signal }: { readonly address: Address; readonly signal: AbortSignal },
    totalMs: number,
    onClosed: () => void,
    onEnd: (outcome: FetchOutcome, facts: FetchFacts) => void,
  ) {
    this.#path = address.path
    this.#caller = signal
    this.#onClosed = onClosed
    this.#onEnd = onEnd
    const why = `the origin did not send the whole file within ${totalMs / 1000} s`
    this.#timer = setTimeout(() => this.abort(new OriginError('origin-timeout', why)), totalMs)
    signal.addEventListener('abort', this.#onAbort)
    if (signal.aborted) this.#onAbort()
  }

  readonly #onAbort = (): void => this.abort(this.#caller.reason)

  /** Aborted when the caller gives up, or when it takes too long. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Closes what is open. */
  abort(reason: unknown): void {
    this.#controller.abort(reason)
  }

  /** Notes what the answer is. */
  answered(kind: OriginAnswer['kind'], response: HttpResponse): void {
    this.#outcome = OUTCOMES[kind]
    response.once('close', () => {
      this.#onClosed()
      if (!this.#isBegun) this.ended()
    })
    if (this.#outcome !== 'content') discard(response)
  }

  began(): void {
    this.#isBegun = true
  }

  received(bytes: number): void {
    this.#bytes += bytes
  }

  offered(): void {
    this.#offeredAt = performance.now()
  }

  taken(): void {
    this.#offeredAt = undefined
  }

  /** Milliseconds for which the reader has taken nothing of what there is. */
  get untakenMs(): number {
    return this.#offeredAt === undefined ? 0 : performance.now() - this.#offeredAt
  }

  explain(error: unknown): unknown {
    this.#error ??= this.signal.aborted ? this.signal.reason : connectionError(error)
    return this.#error
  }

  /** Ends a fetch that has no answer; returns the error to throw. */
  fail(error: unknown): unknown {
    const explained = this.explain(error)
    this.abort(explained)
    this.#onClosed()
    this.ended()
    return explained
  }

  ended(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#caller.removeEventListener('abort', this.#onAbort)
    const error = this.#error ?? (this.signal.aborted ? this.signal.reason : undefined)
    this.#onEnd(error === undefined ? this.#outcome! : failureOf(error), {
      path: this.#path,
      seconds: (performance.now() - this.#startedAt) / 1000,
      bytes: this.#bytes,
      error,
    })
  }
}

/** Of an answer that is not needed: bytes that are read on, and milliseconds for that. */
const DISCARDED = { bytes: 64 * 1024, ms: 1000 }

/** Reads an answer that is not needed to its end if that is near, so that its connection can be used again. */
function discard(response: HttpResponse): void {
  let bytes = 0
  const timer = setTimeout(() => response.destroy(), DISCARDED.ms)
  response.on('error', () => {})
  response.on('data', ({ length }: Buffer) => {
    bytes += length
    if (bytes > DISCARDED.bytes) response.destroy()
  })
  response.once('close', () => clearTimeout(timer))
}

const OUTCOMES: Record<OriginAnswer['kind'], FetchOutcome> = {
  content: 'content',
  part: 'content',
  unchanged: 'unchanged',
  absent: 'absent',
  unsatisfiable: 'absent',
}

function failureOf(error: unknown): FetchOutcome {
  if (!(error instanceof OriginError)) return 'aborted'
  return error.reason === 'origin-timeout' ? 'timeout' : 'failed'
}

/** Without the names of hosts and addresses, which are not for every client; the cause has them. */
function connectionError(cause: unknown): OriginError {
  if (cause instanceof OriginError) return cause
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'ETIMEDOUT') {
    return new OriginError('origin-timeout', 'the origin cannot be reached in time', { cause })
  }
  const why = typeof code === 'string' ? ` (${code})` : ''
  return new OriginError('origin-failed', `the connection to the origin failed${why}`, { cause })
}
