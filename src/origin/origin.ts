import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { UnavailableError } from '../index.ts'
import { type HttpResponse, Transport, wasKept } from '../transport.ts'
import { type Address, Addresses } from './addresses.ts'
import { type AnswerOptions, type Asked, answerOf, type OriginAnswer } from './answer.ts'
import { OriginError } from './errors.ts'
import { type FetchFacts, Fetching, type FetchOutcome } from './fetching.ts'
import { type OriginOptions, type OriginSettings, validateOrigin } from './options.ts'
import { Turns } from './turns.ts'

/** Redirects that are followed for one file. */
const MAX_REDIRECTS = 3
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/**
 * Milliseconds: how often it is looked, while others wait for a turn, for fetches of which nothing is taken, and how long
 * that may be. The kernel makes room in large steps: a client of 100 KB a second seems to take nothing for some seconds.
 */
const PACE_MS = { look: 1000, most: 10_000 }

/** Told of every fetch; must not throw. */
export interface OriginObserver {
  /** @param outcome What came of it, in the end of its body. */
  fetched?(outcome: FetchOutcome, facts: FetchFacts): void
}

export interface OriginRequest extends Asked {
  readonly address: Address
  readonly signal: AbortSignal
}

/** The server that has the files: asked over HTTP, believed no more than what can be checked. */
export class Origin {
  readonly settings: OriginSettings
  readonly addresses: Addresses
  /** What this origin's caches call themselves in Via, the same in all of their processes. */
  readonly pseudonym: string
  readonly #transport: Transport
  readonly #turns: Turns
  readonly #answerOptions: AnswerOptions
  readonly #observers: OriginObserver[] = []
  readonly #fetchings = new Set<Fetching>()
  #pace: NodeJS.Timeout | undefined

  /** @throws {InvalidArgumentError} for an option that is unknown or can never work. */
  constructor(options: OriginOptions) {
    const settings = validateOrigin(options)
    const { base, blobs, redirectHosts, ca, maxFetches, timeoutMs } = settings
    this.settings = settings
    this.addresses = new Addresses(base, blobs, redirectHosts)
    const id = createHash('sha256').update(base.href).digest('hex').slice(0, 16)
    this.pseudonym = `blobcached-${id}`
    this.#transport = new Transport({ timeoutMs: 0, ca })
    this.#turns = new Turns(maxFetches, timeoutMs)
    this.#answerOptions = { ...settings, ignoredVary: new Set(settings.ignoredVary) }
  }

  /** Fetches under way now. */
  get underWay(): number {
    return this.#turns.taken
  }

  /** Tells `observer` of every fetch from now on. */
  observe(observer: OriginObserver): void {
    this.#observers.push(observer)
  }

  close(): void {
    clearInterval(this.#pace)
    this.#transport.close()
  }

  /**
   * Asks for a file. Read the body of the answer to its end, or abort the signal.
   * @throws {OriginError} when it fails, or what comes is not fit to be handed on.
   * @throws {UnavailableError} when too many fetches are under way.
   */
  async fetch(request: OriginRequest): Promise<OriginAnswer> {
    const giveBack = await this.#turn(request.signal)
    const { totalTimeoutMs } = this.settings
    const closed = () => {
      this.#fetchings.delete(fetching)
      giveBack()
    }
    const fetching = new Fetching(request, totalTimeoutMs, closed, (outcome, facts) => {
      for (const observer of this.#observers) observer.fetched?.(outcome, facts)
    })
    this.#fetchings.add(fetching)
    try {
      const { response, redirects } = await this.#follow(request, fetching)
      const answer = answerOf(response, redirects, request, this.#answerOptions, fetching)
      fetching.answered(answer.kind, response)
      return answer
    } catch (error) {
      throw fetching.fail(error)
    }
  }

  async #turn(signal: AbortSignal): Promise<() => void> {
    const turn = this.#turns.take(signal)
    if (this.#turns.waiting > 0) this.#pace ??= setInterval(this.#checkPace, PACE_MS.look).unref()
    return turn
  }

  /** Ends as many fetches of which nothing is taken as others wait for a turn, the longest first. */
  readonly #checkPace = (): void => {
    if (this.#turns.waiting === 0) {
      clearInterval(this.#pace)
      this.#pace = undefined
      return
    }
    const stalled = [...this.#fetchings].filter(({ untakenMs }) => untakenMs > PACE_MS.most)
    stalled.sort((a, b) => b.untakenMs - a.untakenMs)
    for (const fetching of stalled.slice(0, this.#turns.waiting)) {
      fetching.abort(new UnavailableError('others wait, and the file is taken too slowly'))
    }
  }

  /** Sends the request, and again where it is redirected to. */
  async #follow(request: OriginRequest, fetching: Fetching) {
    const redirects: IncomingHttpHeaders[] = []
    let { address } = request
    for (;;) {
      const response = await this.#sendAgain(address, request, fetching)
      if (!REDIRECTS.has(response.statusCode)) return { response, redirects }
      response.destroy()
      const { location } = response.headers
      const next = this.addresses.redirect(address, location)
      if (next === undefined) {
        throw new OriginError(
          'origin-failed',
          'the origin redirects to a place that is not allowed',
        )
      }
      if (redirects.length === MAX_REDIRECTS) {
        throw new OriginError('origin-failed', 'the origin redirects again and again')
      }
      redirects.push(response.headers)
      address = next
    }
  }

  /**
   * Sends until a connection that was not kept fails: the origin may close those that were, all of them when it restarts,
   * at the very moment that they are used.
   */
  async #sendAgain(address: Address, request: OriginRequest, fetching: Fetching) {
    for (;;) {
      try {
        return await this.#send(address, request, fetching)
      } catch (error) {
        if (!wasKept(error) || fetching.signal.aborted) throw error
      }
    }
  }

  async #send(address: Address, request: OriginRequest, fetching: Fetching): Promise<HttpResponse> {
    const { timeoutMs } = this.settings
    const timer = setTimeout(() => {
      const why = `the origin did not answer within ${timeoutMs / 1000} s`
      fetching.abort(new OriginError('origin-timeout', why))
    }, timeoutMs)
    try {
      return await this.#transport.send({
        ...address,
        method: 'GET',
        headers: this.#headers(address, request),
        signal: fetching.signal,
      })
    } finally {
      clearTimeout(timer)
    }
  }

  /** Nothing of a client's request goes along. */
  #headers(address: Address, { validators = {}, range }: OriginRequest): Record<string, string> {
    const { authorization } = this.settings
    const { etag, lastModified } = validators
    return {
      accept: '*/*',
      'accept-encoding': 'identity',
      'user-agent': 'blobcached',
      via: `1.1 ${this.pseudonym}`,
      ...(authorization !== undefined && this.addresses.isOwn(address) && { authorization }),
      ...(range !== undefined && { range }),
      ...(etag !== undefined && { 'if-none-match': etag }),
      ...(lastModified !== undefined && { 'if-modified-since': lastModified }),
    }
  }
}
