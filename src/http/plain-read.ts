import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Middleware } from 'koa'
import type { FileStore } from '../index.ts'
import { type Admission, MAX_URL } from './admission.ts'
import type { Guard } from './authenticate.ts'
import {
  type AskedBy,
  bodyFields,
  contentFields,
  contentTypeOf,
  fileFields,
} from './content-headers.ts'
import { type RequestObserver, Watch } from './exchange.ts'
import { FILES, nameFromPath } from './paths.ts'
import { isConditional } from './preconditions.ts'
import { type Reason, reasonOf } from './problem.ts'
import { hasBody } from './request-body.ts'
import { BLOBS_ROUTE } from './routes/blobs.ts'
import { FILES_ROUTE } from './routes/files.ts'
import { send } from './send.ts'
import { ClientGoneError, Preparation } from './signal.ts'

export interface PlainReadOptions {
  readonly store: FileStore
  readonly observers: readonly RequestObserver[]
  readonly guard: Guard | undefined
  readonly admission: Admission
}

export type Handler = (req: IncomingMessage, res: ServerResponse) => Promise<void>

/** What the routes are called in metrics and logs. */
const ROUTES: Record<AskedBy, string> = { name: FILES_ROUTE, hash: BLOBS_ROUTE }
/** What needs no percent-decoding by a parser of URLs, and has no query. */
const PATH = /^\/(?:blobs\/[0-9a-f]{64}|files\/[\w!$%&'()*+,\-./:;=@~]+)$/

/**
 * Answers GET of a whole file with nothing special about it, which most requests are: Koa and
 * its router take three times as long for a small file as everything else. Whatever is special, or does
 * not go well, is left to them as if nothing had happened, so that there is one place that says no.
 */
export class PlainReads {
  readonly #options: PlainReadOptions

  constructor(options: PlainReadOptions) {
    this.#options = options
  }

  /** @param others Answers what is no plain read, or not a successful one. */
  async handle(req: IncomingMessage, res: ServerResponse, others: Handler): Promise<void> {
    await (this.#isPlain(req) ? this.#answer(req, res, others) : others(req, res))
  }

  #isPlain(req: IncomingMessage): boolean {
    const { method, url = '', headers } = req
    if (method !== 'GET' || url.length > MAX_URL || !PATH.test(url)) return false
    if (headers.range !== undefined || headers.expect !== undefined) return false
    return !isConditional(headers) && !hasBody(req) && !this.#options.admission.isSurplus(req)
  }

  async #answer(req: IncomingMessage, res: ServerResponse, others: Handler): Promise<void> {
    const watch = new Watch(req, res, this.#options.observers)
    const path = req.url!
    const by = path.startsWith(FILES) ? 'name' : 'hash'
    let lost: Reason | undefined
    try {
      await this.#serve(req, res, by, watch)
    } catch (error) {
      if (!res.headersSent && !res.destroyed) {
        unanswered.set(req, { watch, error })
        return others(req, res)
      }
      if (!(error instanceof ClientGoneError)) lost = reasonOf(error)
      res.destroy()
    }
    const isHit = res.headersSent
    const isCut = isHit && lost !== undefined
    watch.workIsOver({ route: ROUTES[by], path, reason: lost, isHit, isCut })
  }

  /** As `serveFile`, where nothing is asked for but the file. */
  async #serve(
    req: IncomingMessage,
    res: ServerResponse,
    by: AskedBy,
    watch: Watch,
  ): Promise<void> {
    const { store, guard } = this.#options
    const path = req.url!
    guard?.(req.method!, path, req.headers.authorization)
    const ref = by === 'name' ? { name: nameFromPath(path, FILES) } : { hash: path.slice(-64) }
    const file = await store.find(ref, { prefetch: true })
    const whole = { start: 0, end: file.size }
    const read = await file.prepare([whole], new Preparation({ req, res }))
    try {
      const fields = ['X-Request-Id', watch.id, ...fileFields(file, by)]
      fields.push(
        ...contentFields(req.headers, file),
        ...bodyFields(contentTypeOf(file), file.size),
      )
      watch.answering()
      await send(res, { status: 200, fields }, read, [whole])
      read.close({ sent: true })
    } finally {
      read.close()
    }
  }
}

interface Unanswered {
  readonly watch: Watch
  readonly error: unknown
}

/** Plain reads that did not go well, on their way through Koa. */
const unanswered = new WeakMap<IncomingMessage, Unanswered>()

/** Who follows the request already, if anyone does. */
export function watchOf(req: IncomingMessage): Watch | undefined {
  return unanswered.get(req)?.watch
}

/** Goes on where a plain read failed; what it found out is not asked again. */
export const failPlainRead: Middleware = (ctx, next) => {
  const failed = unanswered.get(ctx.req)
  if (failed === undefined) return next()
  unanswered.delete(ctx.req) // An entry that is left keeps its request until the whole heap is collected.
  throw failed.error
}
