import { setMaxListeners } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Context } from 'koa'
import { StreamPieces } from '../../stream-pieces.ts'
import type { Fields } from '../fields/content.ts'
import { RequestQuery } from '../fields/query.ts'
import { ClientGoneError, HttpProblem } from '../problem.ts'
import { askedPath, mountOf, takeOff } from './base-path.ts'
import type { Connection, Unfinished } from './connection.ts'
import { discard } from './linger.ts'
import { requestId, traceId } from './request-id.ts'

/** Bytes of memory that a request takes beside its header. */
const REQUEST_COST = 8 * 1024
/** RFC 9110 has no status for it; nginx made this one known. */
const CLIENT_CLOSED_REQUEST = 499

/** Told of every request; must not throw. */
export interface RequestObserver {
  began?(): void
  /** Called when the answer is through and the work on the request is over. */
  ended(exchange: Exchange): void
}

/** Produced; produced again for what was lost; waited for; renewed; stale while it is; not stored. */
export type Served = 'filled' | 'healed' | 'collapsed' | 'renewed' | 'stale' | 'passed'

declare module 'koa' {
  interface DefaultContext {
    exchange: Exchange
  }
}

/** One request and its answer: everything that is known of it, in one place. */
export class Exchange implements Unfinished {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly method: string
  /** Without the query; below the base path, or the path that the app is mounted at. */
  readonly path: string
  /** What the request is called in logs, here and elsewhere. */
  readonly id: string
  readonly client: string | undefined
  /** The pattern of the route; set by the handler that knows it. */
  route = 'none'
  /** The reason of an answer that is a problem, or why an answer was cut. */
  reason: string | undefined
  /** Why the server could not answer, for its log alone: it may name servers. */
  detail: string | undefined
  /** Whether the stored content that was asked for could be served. */
  isHit = false
  /** How content came to be served that was not simply there; for reads with an origin. */
  filled: Served | undefined
  /** Which sites' pages may show what is answered (Cross-Origin-Resource-Policy of the Fetch standard). */
  resourcePolicy: 'same-origin' | 'cross-origin' = 'same-origin'
  /** As they went over the connection, headers included; out also those that were on their way when it broke. */
  bytesIn = 0
  bytesOut = 0
  /** From when the request was read until its answer was through. */
  seconds = 0
  readonly #ctx: Context
  readonly #connection: Connection
  readonly #observers: readonly RequestObserver[]
  readonly #basePath: string
  readonly #startedAt = performance.now()
  #headersAt: number | undefined
  #query: RequestQuery | undefined
  #controller: AbortController | undefined
  #pieces: StreamPieces | undefined
  #isAwaitingContinue: boolean
  #isCut = false
  #isWhole = false
  #isClosed = false
  #isHandled = false
  #onClosed: (() => void) | undefined

  constructor(
    ctx: Context,
    connection: Connection,
    observers: readonly RequestObserver[],
    basePath = '',
  ) {
    if (basePath !== '') takeOff(basePath, ctx)
    const { req, res } = ctx
    this.req = req
    this.res = res
    this.method = req.method!
    this.path = ctx.path
    this.id = requestId(req.headers)
    this.client = req.socket.remoteAddress // Unknown once the client is gone.
    this.#ctx = ctx
    this.#connection = connection
    this.#basePath = basePath
    this.#observers = observers
    // A server that does not listen for `checkContinue` has sent the 100 by itself.
    const { _sent100: isContinued } = res as ServerResponse & { _sent100?: boolean }
    this.#isAwaitingContinue = expectationOf(req) === 'continue' && !isContinued
    // Node's parser drops what follows a request to upgrade, so the client must not send any.
    if (req.headers.upgrade !== undefined) this.endConnection()
    // A response finishes as well when its socket fails, or is destroyed, with bytes still to send.
    res.prependListener('finish', () => {
      this.#isWhole = !req.socket.destroyed && !req.socket.errored
    })
    res.once('close', () => this.#closed())
    connection.begin(this)
    for (const observer of observers) observer.began?.()
  }

  get headers() {
    return this.req.headers
  }

  get query(): RequestQuery {
    this.#query ??= RequestQuery.parse(this.#ctx.search)
    return this.#query
  }

  /** What the app's paths begin with for its clients: its base path, or where another application has mounted it. */
  get base(): string {
    return this.#basePath || mountOf(this.#ctx)
  }

  /** Whether the path that was asked for is `base`, without a slash at its end. */
  get isForBase(): boolean {
    return this.base !== '' && askedPath(this.#ctx) === this.base
  }

  get traceId(): string | undefined {
    return traceId(this.req.headers)
  }

  /**
   * Resolves when the requests before it on its connection are answered: one may build on what the one
   * before it did (RFC 9112, 9.3.2). `undefined` when it has its turn.
   */
  get turn(): Promise<void> | undefined {
    const { res } = this
    if (res.socket !== null || res.destroyed) return undefined
    return new Promise((resolve) => {
      res.once('socket', () => resolve())
      this.#onClosed = resolve
    })
  }

  /** Whether it came over one connection too many. */
  get isSurplus(): boolean {
    return this.#connection.isSurplus
  }

  /** Whether the client is gone. */
  get isGone(): boolean {
    return this.res.destroyed || !this.req.socket.writable
  }

  /** Aborted when the client leaves before it has the whole answer, or stops sending its body. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      setMaxListeners(0, this.#controller.signal) // Limits on requests bound what listens, not Node's ten.
      if (this.#isClosed || this.res.destroyed) this.#controller.abort(new ClientGoneError())
    }
    return this.#controller.signal
  }

  /** Whether the body is not coded, or only in chunks: RFC 9112, 6.1, demands no other coding. */
  get isPlainlyCoded(): boolean {
    const coding = this.req.headers['transfer-encoding']
    return coding === undefined || coding.trim().toLowerCase() === 'chunked'
  }

  get hasBody(): boolean {
    const { headers } = this.req
    return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  }

  /** Bytes that the body will have, where the client says so. */
  get contentLength(): number | undefined {
    const length = this.req.headers['content-length']
    return length === undefined ? undefined : Number(length)
  }

  /** Whether the request expects what this server does not do (RFC 9110, 10.1.1). */
  get hasUnknownExpectation(): boolean {
    return expectationOf(this.req) === 'unknown'
  }

  /**
   * The body. A client that sent `Expect: 100-continue` is asked for it when the first piece is wanted:
   * until then all that needs no body has been checked. It fails with what `signal` would be aborted with. An
   * error in the middle leaves the socket open, for the answer that says why.
   */
  get body(): AsyncIterable<Uint8Array> {
    return {
      [Symbol.asyncIterator]: () => {
        if (this.#isClosed || this.res.destroyed) throw new ClientGoneError()
        this.askForBody()
        this.#pieces = new StreamPieces(this.req)
        return this.#pieces
      },
    }
  }

  /** Sends the 100 that a client may be waiting for. */
  askForBody(): void {
    if (this.#isAwaitingContinue) this.res.writeContinue()
    this.#isAwaitingContinue = false
  }

  endConnection(): void {
    if (!this.res.headersSent) this.res.setHeader('Connection', 'close')
  }

  /** Fields of every answer, whatever it is: names and values. */
  get generalFields(): string[] {
    return [
      ...['X-Request-Id', this.id, 'X-Content-Type-Options', 'nosniff'],
      ...['Cross-Origin-Resource-Policy', this.resourcePolicy],
    ]
  }

  /** Notes that the headers are sent now, or with the first bytes that follow. */
  answering(): void {
    this.#headersAt ??= performance.now()
  }

  /** Sends the status and the header fields. */
  writeHead(status: number, fields: Fields): void {
    if (this.res.destroyed) throw new ClientGoneError()
    this.answering()
    this.#ctx.respond = false
    this.res.writeHead(status, [...this.generalFields, ...fields])
  }

  /** Sends a whole answer. */
  answer(status: number, fields: Fields, body?: string): void {
    this.writeHead(status, fields)
    this.res.end(body)
  }

  /**
   * Sends some bytes of a body; resolves when they have left this process.
   * @throws {ClientGoneError}
   */
  write(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = () => reject(new ClientGoneError())
      if (this.#whenClosed(fail)) return
      this.res.write(bytes, (error) => (error ? fail() : resolve()))
    })
  }

  /**
   * Resolves when the whole answer has left this process.
   * @throws {ClientGoneError}
   */
  sent(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#whenClosed(() =>
        this.res.writableFinished ? resolve() : reject(new ClientGoneError()),
      )
    })
  }

  /** Cuts off an answer that cannot be finished, so that no client takes a part for the whole. */
  cut(reason: string | undefined): void {
    if (reason !== undefined) {
      this.reason = reason
      this.#isCut = this.res.headersSent
    }
    this.#ctx.respond = false
    // Where nothing but its end delimits the answer, only a reset tells that it is cut (RFC 9112, 8).
    const { httpVersionMinor, socket } = this.req
    if (httpVersionMinor === 0 && this.res.headersSent && isTcp(socket)) socket.resetAndDestroy()
    this.res.destroy()
  }

  /** Says that nothing is left to do for the request; its answer may still be on its way. */
  handled(): void {
    if (!this.req.complete) this.#discardBody()
    this.#isHandled = true
    this.#tell()
  }

  get cost(): number {
    const { rawHeaders, url } = this.req
    return REQUEST_COST + 2 * rawHeaders.reduce((sum, text) => sum + text.length, url!.length)
  }

  get isClientsTurn(): boolean {
    const { readableLength, complete } = this.req
    const isSilent = !complete && readableLength === 0 && !this.#isAwaitingContinue
    return isSilent || this.res.writableLength > 0
  }

  get couldGoOn(): boolean {
    const { readableLength, readableHighWaterMark, complete } = this.req
    const couldSend =
      !complete && readableLength < readableHighWaterMark && !this.#isAwaitingContinue
    return couldSend || this.res.writableLength > 0
  }

  endIdle(why: string): void {
    const isAnswerable = !this.req.complete && !this.res.headersSent
    if (!isAnswerable || !(this.#controller ?? this.#pieces)) {
      return void this.req.socket.destroy()
    }
    this.endConnection()
    this.#interrupt(new HttpProblem('request-timeout', why))
  }

  /** 499 when the client left before there was a status. */
  get status(): number {
    return this.#wasAnswered ? this.res.statusCode : CLIENT_CLOSED_REQUEST
  }

  /** `cut` when bytes were lost after they had been promised. */
  get end(): 'whole' | 'client-gone' | 'cut' {
    return this.#isWhole ? 'whole' : this.#isCut ? 'cut' : 'client-gone'
  }

  /** From when the request was read until its answer's headers were sent. */
  get headersSeconds(): number | undefined {
    return this.#wasAnswered ? (this.#headersAt! - this.#startedAt) / 1000 : undefined
  }

  get #wasAnswered(): boolean {
    return this.#headersAt !== undefined && this.res.headersSent
  }

  /** Calls `then` when the answer is closed, in place of what was to be called; whether it is closed now. */
  #whenClosed(then: () => void): boolean {
    const isClosed = this.#isClosed || this.res.destroyed
    if (isClosed) then()
    else this.#onClosed = then
    return isClosed
  }

  #closed(): void {
    this.#isClosed = true
    this.#connection.end(this)
    this.#onClosed?.()
    if (!this.res.writableFinished) this.#interrupt(new ClientGoneError())
    this.#tell()
  }

  #interrupt(reason: Error): void {
    this.#controller?.abort(reason)
    this.#pieces?.fail(reason)
  }

  #tell(): void {
    if (!this.#isHandled || !this.#isClosed) return
    const { bytesIn, bytesOut } = this.#connection.takeTraffic()
    this.bytesIn = bytesIn
    this.bytesOut = bytesOut
    this.seconds = (performance.now() - this.#startedAt) / 1000
    for (const observer of this.#observers) observer.ended(this)
  }

  /**
   * Reads on, so that a client that is still sending gets to see the answer instead of a reset. An answer
   * that is the last one on its connection sees to that itself once it is sent.
   */
  #discardBody(): void {
    const { req, res } = this
    if (req.destroyed) return
    if (this.#isAwaitingContinue) {
      // The body may come nevertheless, so what follows could be anything.
      if (res.headersSent) res.once('finish', () => req.socket.destroySoon())
      else this.endConnection()
      return
    }
    req.unpipe() // A decoder that failed takes no more, and would hold the body up.
    discard(req, req.socket)
  }
}

/** Not a pipe; nor TLS, which tells by itself whether its end was meant. */
function isTcp(socket: Socket): boolean {
  return socket.remoteFamily !== undefined && !('encrypted' in socket)
}

/** What a request of HTTP/1.1 expects; Node takes the same for a 100 (RFC 9110, 10.1.1). */
function expectationOf({ headers, httpVersion }: IncomingMessage): 'continue' | 'unknown' | 'none' {
  const { expect } = headers
  if (expect === undefined || httpVersion !== '1.1') return 'none'
  return /(?:^|\W)100-continue(?:$|\W)/i.test(expect) ? 'continue' : 'unknown'
}
