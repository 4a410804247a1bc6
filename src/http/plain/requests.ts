import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Middleware } from 'koa'
import { FILES, nameFromPath } from '../../api/paths.ts'
import type { Reason } from '../../api/reasons.ts'
import { type Admission, MAX_URL } from '../admission.ts'
import type { Guard } from '../authenticate.ts'
import type { AskedBy } from '../content-headers.ts'
import { type RequestObserver, Watch } from '../exchange.ts'
import { isConditional } from '../preconditions.ts'
import { reasonOf } from '../problem.ts'
import { isCoded } from '../request-body.ts'
import { BLOBS_ROUTE } from '../routes/blobs.ts'
import { FILES_ROUTE } from '../routes/files.ts'
import { ClientGoneError } from '../signal.ts'

export type Handler = (req: IncomingMessage, res: ServerResponse) => Promise<void>

/** A request for a file with nothing special about it. */
export interface PlainRequest {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly by: AskedBy
  readonly ref: { readonly name: string } | { readonly hash: string }
  readonly watch: Watch
}

/** What is done with the file. */
export interface PlainMethod {
  readonly name: string
  /** Whether its answers carry stored content. */
  readonly isRead: boolean
  /** Whether there is nothing special about a request whose method, path and conditions say nothing special. */
  fits(req: IncomingMessage): boolean
  /** Answers it, or rejects. */
  answer(request: PlainRequest): Promise<void>
}

export interface PlainRequestsOptions {
  readonly methods: readonly PlainMethod[]
  readonly observers: readonly RequestObserver[]
  readonly guard: Guard | undefined
  readonly admission: Admission
}

/** What the routes are called in metrics and logs. */
const ROUTES: Record<AskedBy, string> = { name: FILES_ROUTE, hash: BLOBS_ROUTE }
/** What needs no percent-decoding by a parser of URLs, and has no query. */
const PATH = /^\/(?:blobs\/[0-9a-f]{64}|files\/[\w!$%&'()*+,\-./:;=@~]+)$/

/**
 * Answers requests for whole files with nothing special about them, which most are: Koa and its router
 * take three times as long for a small file as everything else. Whatever is special, or does not go
 * well, is left to them as if nothing had happened, so that there is one place that says no.
 */
export class PlainRequests {
  readonly #methods: ReadonlyMap<string, PlainMethod>
  readonly #observers: readonly RequestObserver[]
  readonly #guard: Guard | undefined
  readonly #admission: Admission

  constructor({ methods, observers, guard, admission }: PlainRequestsOptions) {
    this.#methods = new Map(methods.map((method) => [method.name, method]))
    this.#observers = observers
    this.#guard = guard
    this.#admission = admission
  }

  /** @param others Answers what is not plain, or could not be answered. */
  handle(req: IncomingMessage, res: ServerResponse, others: Handler): Promise<void> {
    const method = this.#methodOf(req)
    return method === undefined ? others(req, res) : this.#answer(method, req, res, others)
  }

  /** `undefined` unless the request is plain. */
  #methodOf(req: IncomingMessage): PlainMethod | undefined {
    const { url = '', headers } = req
    const method = this.#methods.get(req.method!)
    if (method === undefined || url.length > MAX_URL || !PATH.test(url)) return undefined
    if (headers.expect !== undefined || isConditional(headers)) return undefined
    if (headers.host === undefined || isCoded(req)) return undefined
    return method.fits(req) && !this.#admission.isSurplus(req) ? method : undefined
  }

  async #answer(
    method: PlainMethod,
    req: IncomingMessage,
    res: ServerResponse,
    others: Handler,
  ): Promise<void> {
    const watch = new Watch(req, res, this.#observers)
    const path = req.url!
    const by = path.startsWith(FILES) ? 'name' : 'hash'
    let lost: Reason | undefined
    try {
      this.#guard?.(method.name, path, req.headers.authorization)
      const ref = by === 'name' ? { name: nameFromPath(path, FILES) } : { hash: path.slice(-64) }
      await method.answer({ req, res, by, ref, watch })
    } catch (error) {
      if (!res.headersSent && !res.destroyed) {
        unanswered.set(req, { watch, error })
        return others(req, res)
      }
      if (!(error instanceof ClientGoneError)) lost = reasonOf(error)
      res.destroy()
    }
    const isHit = method.isRead && res.headersSent
    const isCut = res.headersSent && lost !== undefined
    watch.workIsOver({ route: ROUTES[by], path, reason: lost, isHit, isCut })
  }
}

interface Unanswered {
  readonly watch: Watch
  readonly error: unknown
}

/** Plain requests that did not go well, on their way through Koa. */
const unanswered = new WeakMap<IncomingMessage, Unanswered>()

/** Who follows the request already, if anyone does. */
export function watchOf(req: IncomingMessage): Watch | undefined {
  return unanswered.get(req)?.watch
}

/** Goes on where a plain request failed; what it found out is not asked again. */
export const failPlainRequest: Middleware = (ctx, next) => {
  const failed = unanswered.get(ctx.req)
  if (failed === undefined) return next()
  unanswered.delete(ctx.req) // An entry that is left keeps its request until the whole heap is collected.
  throw failed.error
}
