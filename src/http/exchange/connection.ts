import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests on one connection that may wait for their turn while more of them are read. */
const MAX_WAITING = 32

/** A request whose answer is not through. */
export interface Unfinished {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** Whether nothing can happen until the client sends or takes something. */
  readonly isClientsTurn: boolean
  /** Makes the answer the last one on its connection. */
  endConnection(): void
  /** Answers a client that has been silent for too long, or ends the connection. */
  endIdle(): void
}

/** One client connection: its requests that are not answered yet, and what went over it. */
export class Connection {
  /** In the order in which they arrived; more than one only while a client pipelines. */
  readonly unfinished: Unfinished[] = []
  /** Whether it is one connection too many, whose requests are refused. */
  isSurplus = false
  /** Whether it is to be closed after the requests before something that was none. */
  isMalformed = false
  readonly #socket: Socket
  #hasAnswered = false
  #isHeld = false
  #read = 0
  #written = 0
  #silence: { at: number; traffic: number } | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    // Node closes the response that was being sent, and none of those that wait behind it.
    socket.once('close', () => {
      for (const { res } of [...this.unfinished]) if (res.socket === null) close(res)
    })
  }

  /** Adds a request, and stops reading more while too many wait. */
  begin(request: Unfinished): void {
    this.unfinished.push(request)
    // Middleware before ours may have waited until the client was gone: then nothing closes it any more.
    if (this.#socket.destroyed) return void process.nextTick(close, request.res)
    if (this.unfinished.length <= MAX_WAITING) return
    this.#isHeld = true
    // Node reads on at the end of each request, so pause when what was read has been parsed.
    if (!this.#socket.isPaused()) process.nextTick(() => this.#isHeld && this.#socket.pause())
  }

  end(request: Unfinished): void {
    this.#hasAnswered = true
    this.unfinished.splice(this.unfinished.indexOf(request), 1)
    if (!this.#isHeld || this.unfinished.length > MAX_WAITING / 2) return
    this.#isHeld = false
    this.#socket.resume()
  }

  /** Returns the bytes that went in and out since the last call. */
  takeTraffic(): { bytesIn: number; bytesOut: number } {
    const { bytesRead, bytesWritten } = this.#socket
    const traffic = { bytesIn: bytesRead - this.#read, bytesOut: bytesWritten - this.#written }
    this.#read = bytesRead
    this.#written = bytesWritten
    return traffic
  }

  /**
   * Ends a request whose client does nothing although it is the client's turn. Called after each `halfMs`
   * in which nothing went over the socket. Whose turn it was for how long the socket does not know, so
   * two calls in a row make the client idle.
   */
  onSilence(halfMs: number): void {
    const [current] = this.unfinished
    if (current === undefined) {
      if (this.#hasAnswered) this.#socket.destroy() // The keep-alive time is over.
      return
    }
    const { bytesRead, bytesWritten } = this.#socket
    const now = { at: performance.now(), traffic: bytesRead + bytesWritten }
    const last = this.#silence
    this.#silence = current.isClientsTurn ? now : undefined
    this.#socket.setTimeout(halfMs)
    if (this.#silence === undefined || last === undefined) return
    // Progress in between that the socket does not report starts the time anew.
    if (now.traffic === last.traffic && now.at - last.at < 1.5 * halfMs) current.endIdle()
  }
}

/** As Node does it with the response that has the connection. */
function close(res: ServerResponse): void {
  res.destroy()
  res.emit('close')
}
