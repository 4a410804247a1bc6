import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { requestId, traceId } from './request-id.ts'

/** What is known of a request when it is over. */
export interface Exchange {
  id: string
  traceId: string | undefined
  method: string
  /** The pattern of the route, `none` when there is no such route. */
  route: string
  /** Without the query. */
  path: string
  client: string | undefined
  /** 499 when the client left before there was a status. */
  status: number
  /** Of an answer that is a problem. */
  reason: string | undefined
  /** Whether the stored content that was asked for could be served. */
  isHit: boolean
  /** `cut` when bytes were lost after they had been promised. */
  end: 'whole' | 'client-gone' | 'cut'
  /** As they went over the connection, headers included; out also those that were on their way when it broke. */
  bytesIn: number
  bytesOut: number
  /** From when the request was read until its answer's headers were sent. */
  headersSeconds: number | undefined
  /** From when the request was read until its answer was through. */
  seconds: number
}

/** Told of every request; must not throw. */
export interface RequestObserver {
  began?(): void
  ended(exchange: Exchange): void
}

/** RFC 9110 has no status for it; nginx made this one known. */
const CLIENT_CLOSED_REQUEST = 499

/** What only those who answer a request know of it. */
export type Answered = Pick<Exchange, 'route' | 'path' | 'reason' | 'isHit'> & {
  /** Whether bytes were lost after they had been promised. */
  isCut: boolean
}

/** Follows one request until its answer is through and the work on it is over, and tells observers of it. */
export class Watch {
  /** What the request is called in logs, here and elsewhere. */
  readonly id: string
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #observers: readonly RequestObserver[]
  readonly #startedAt = performance.now()
  /** It cannot be told any more once the client is gone. */
  readonly #client: string | undefined
  #headersAt: number | undefined
  #isWhole = false
  #answered: Answered | undefined
  #isClosed = false

  constructor(req: IncomingMessage, res: ServerResponse, observers: readonly RequestObserver[]) {
    this.id = requestId(req.headers)
    this.#req = req
    this.#res = res
    this.#observers = observers
    this.#client = req.socket.remoteAddress
    // An answer finishes as well when its socket fails, or is destroyed, with bytes still to send.
    res.prependListener('finish', () => {
      this.#isWhole = !req.socket.destroyed && !req.socket.errored
    })
    res.on('close', () => {
      this.#isClosed = true
      this.#tell()
    })
    for (const observer of observers) observer.began?.()
  }

  /** The headers are sent now, or with the first bytes that follow. */
  answering(): void {
    this.#headersAt ??= performance.now()
  }

  /** For answers of others: notices when the headers are sent. */
  noticeHeaders(): void {
    const { writeHead } = this.#res
    this.#headersAt = undefined
    this.#res.writeHead = ((...args: Parameters<typeof writeHead>) => {
      this.answering()
      return writeHead.apply(this.#res, args)
    }) as typeof writeHead
  }

  /** Nothing is left to do for the request; its answer may still be on its way. */
  workIsOver(answered: Answered): void {
    this.#answered = answered
    this.#tell()
  }

  #tell(): void {
    if (this.#answered === undefined || !this.#isClosed) return
    const exchange = this.#exchange(this.#answered)
    for (const observer of this.#observers) observer.ended(exchange)
  }

  /** Field by field: putting objects together costs a tenth of a small request. */
  #exchange({ route, path, reason, isHit, isCut }: Answered): Exchange {
    const { method, headers, socket } = this.#req
    const startedAt = this.#startedAt
    const headersAt = this.#res.headersSent ? this.#headersAt : undefined
    const { bytesIn, bytesOut } = traffic(socket)
    return {
      id: this.id,
      traceId: traceId(headers),
      method: method!,
      route,
      path,
      client: this.#client,
      status: headersAt === undefined ? CLIENT_CLOSED_REQUEST : this.#res.statusCode,
      reason,
      isHit,
      end: this.#isWhole ? 'whole' : isCut ? 'cut' : 'client-gone',
      bytesIn,
      bytesOut,
      headersSeconds: headersAt === undefined ? undefined : (headersAt - startedAt) / 1000,
      seconds: (performance.now() - startedAt) / 1000,
    }
  }
}

interface Counted {
  read: number
  written: number
}

const counted = new WeakMap<Socket, Counted>()

/** What went over the connection since its last request was over. */
function traffic(socket: Socket): { bytesIn: number; bytesOut: number } {
  const { bytesRead, bytesWritten } = socket
  const before = counted.get(socket)
  counted.set(socket, { read: bytesRead, written: bytesWritten })
  return {
    bytesIn: bytesRead - (before?.read ?? 0),
    bytesOut: bytesWritten - (before?.written ?? 0),
  }
}
