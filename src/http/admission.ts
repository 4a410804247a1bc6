import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Context, Middleware } from 'koa'
import { UnavailableError } from '../index.ts'
import { HttpProblem } from './problem.ts'
import { expectsContinue, hasBody, isCoded } from './request-body.ts'

export interface AdmissionOptions {
  /** Requests with a body that are worked on at once; more are 503. Default 512. */
  maxUploads?: number
  /**
   * Connections whose requests are answered; those of others are 503. Twice as many are accepted, so
   * that they can be told. Default 4,096.
   */
  maxConnections?: number
}

/** Bytes; twice what the longest name takes with every byte of it percent-encoded, and its query. */
export const MAX_URL = 8192
/** What an overloaded server must still answer, or it is taken for a dead one. */
const ALWAYS_ADMITTED = new Set(['/healthz', '/readyz', '/metrics'])

/** Refuses early, and with an answer, what a server has no room for or cannot do. */
export class Admission {
  readonly #maxUploads: number
  readonly #maxConnections: number
  readonly #surplus = new WeakSet<Socket>()
  readonly #unmeetable = new WeakSet<IncomingMessage>()
  #connections = 0
  #uploads = 0

  constructor({ maxUploads = 512, maxConnections = 4096 }: AdmissionOptions = {}) {
    this.#maxUploads = maxUploads
    this.#maxConnections = maxConnections
  }

  /** Counts the server's connections and takes over what it would answer to `Expect` on its own. */
  watch(http: Server): void {
    http.maxConnections = 2 * this.#maxConnections
    http.on('connection', (socket: Socket) => this.#count(socket))
    http.on('secureConnection', (socket: Socket) => {
      if (this.#connections > this.#maxConnections) this.#surplus.add(socket)
    })
    http.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
      expectsContinue(req)
      http.emit('request', req, res)
    })
    http.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
      this.#unmeetable.add(req)
      http.emit('request', req, res)
    })
  }

  /** Whether it comes over a connection too many. */
  isSurplus({ socket }: IncomingMessage): boolean {
    return this.#surplus.has(socket)
  }

  readonly middleware: Middleware = async (ctx, next) => {
    this.#refuse(ctx)
    await (hasBody(ctx.req) ? this.upload(next) : next())
  }

  /**
   * Works on a request with a body.
   * @throws {UnavailableError} where that would be one too many.
   */
  async upload<T>(work: () => Promise<T>): Promise<T> {
    if (this.#uploads >= this.#maxUploads) {
      throw new UnavailableError(`${this.#uploads} uploads are under way, which is the limit`)
    }
    this.#uploads++
    try {
      return await work()
    } finally {
      this.#uploads--
    }
  }

  #count(socket: Socket): void {
    this.#connections++
    if (this.#connections > this.#maxConnections) this.#surplus.add(socket)
    socket.once('close', () => this.#connections--)
  }

  #refuse({ req, res, url, path }: Context): void {
    if (this.isSurplus(req) && !ALWAYS_ADMITTED.has(path)) {
      res.setHeader('Connection', 'close')
      throw new UnavailableError(`more than ${this.#maxConnections} connections are open`)
    }
    if (req.headers.host === undefined && req.httpVersion !== '1.0') {
      throw new HttpProblem('bad-request', 'a request of HTTP/1.1 has a Host')
    }
    if (isCoded(req)) {
      res.setHeader('Connection', 'close')
      throw new HttpProblem('bad-request', 'no Transfer-Encoding is taken but chunked')
    }
    if (url.length > MAX_URL) {
      throw new HttpProblem('uri-too-long', `a URL has at most ${MAX_URL} bytes`)
    }
    if (this.#unmeetable.has(req)) {
      throw new HttpProblem('expectation-failed', 'nothing but 100-continue can be expected')
    }
  }
}
