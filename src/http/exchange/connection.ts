import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { closeInStages } from './linger.ts'

/** Requests on one connection that may wait for their turn while more of them are read. */
const MAX_WAITING = 32
/** Milliseconds over which a client's pace is taken. */
const PACE_MS = 3000

/** A request whose answer is not through. */
export interface Unfinished {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** Bytes of memory that it takes while it waits for its turn. */
  readonly cost: number
  /** Whether nothing can happen until the client sends or takes something. */
  readonly isClientsTurn: boolean
  /** Whether the client could send or take more now: no buffer is full. */
  readonly couldGoOn: boolean
  /** Makes the answer the last one on its connection. */
  endConnection(): void
  /** Answers a client that has been silent or slow for too long, or ends the connection. */
  endIdle(why: string): void
}

/** One client connection: its requests that are not answered yet, and what went over it. */
export class Connection {
  /** In the order in which they arrived; more than one only while a client pipelines. */
  readonly unfinished: Unfinished[] = []
  /** Whether it is one connection too many, whose requests are refused. */
  isSurplus = false
  /** Whether it is to be closed after the requests before something that was none. */
  isMalformed = false
  /** Bytes of memory that the requests take which wait for their turn. */
  backlog = 0
  readonly #socket: Socket
  readonly #onBacklog: (change: number) => void
  #hasAnswered = false
  #isHeld = false
  #isDropped = false
  /** What was read in all when the last hold ended. */
  #readBeforeHold = -1
  #read = 0
  #written = 0
  #pace: { at: number; traffic: number } | undefined
  #silence: { at: number; traffic: number } | undefined

  /** @param onBacklog Called with each change of `backlog`. */
  constructor(socket: Socket, onBacklog: (change: number) => void = () => {}) {
    this.#socket = socket
    this.#onBacklog = onBacklog
    // Node calls it after the last answer, and closes with bytes unread.
    socket.destroySoon = () => closeInStages(socket)
    // Node closes the response that was being sent, and none of those that wait behind it.
    socket.once('close', () => {
      for (const { res } of [...this.unfinished]) if (res.socket === null) close(res)
    })
  }

  /** Adds a request, and stops reading more while too many wait. */
  begin(request: Unfinished): void {
    this.unfinished.push(request)
    if (this.unfinished.length > 1) this.#changeBacklog(request.cost)
    // Middleware before ours may have waited until the client was gone: then nothing closes it any more.
    if (this.#socket.destroyed) return void process.nextTick(close, request.res)
    if (this.unfinished.length <= MAX_WAITING) return
    this.#isHeld = true
    // Node reads on at the end of each request, so pause when what was read has been parsed.
    if (!this.#socket.isPaused()) process.nextTick(() => this.#isHeld && this.#socket.pause())
  }

  end(request: Unfinished): void {
    this.#hasAnswered = true
    const place = this.unfinished.indexOf(request)
    this.unfinished.splice(place, 1)
    // The one whose turn is next does not wait any more.
    const served = place === 0 ? this.unfinished[0] : request
    if (served !== undefined) this.#changeBacklog(-served.cost)
    if (!this.#isHeld || this.unfinished.length > MAX_WAITING / 2) return
    this.#isHeld = false
    this.#readBeforeHold = this.#socket.bytesRead
    this.#socket.resume()
  }

  /** Ends it because too many requests wait for their turn, here and elsewhere. */
  dropBacklog(): void {
    this.#changeBacklog(-this.backlog)
    this.#isDropped = true
    this.#socket.destroy()
  }

  #changeBacklog(change: number): void {
    if (this.#isDropped) return
    this.backlog += change
    this.#onBacklog(change)
  }

  /** Whether nothing was read because of a hold, which may have ended without a chance to read since. */
  get isUnreadByHold(): boolean {
    return this.#isHeld || this.#socket.bytesRead === this.#readBeforeHold
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
    if (now.traffic === last.traffic && now.at - last.at < 1.5 * halfMs) {
      current.endIdle('nothing of the body arrived for too long')
    }
  }

  /**
   * Ends a request whose client has sent or taken less than `minRate` bytes a second for `PACE_MS`, while
   * nothing kept it from more. Call it again and again as long as others wait for memory.
   */
  checkPace(minRate: number): void {
    const [current] = this.unfinished
    if (current === undefined || !current.couldGoOn) {
      this.#pace = undefined
      return
    }
    const { bytesRead, bytesWritten } = this.#socket
    const now = { at: performance.now(), traffic: bytesRead + bytesWritten }
    const last = this.#pace
    if (last !== undefined && now.at - last.at < PACE_MS) return
    this.#pace = now
    if (last === undefined) return
    const rate = (1000 * (now.traffic - last.traffic)) / (now.at - last.at)
    if (rate < minRate) current.endIdle('others wait, and the body arrives too slowly')
  }

  resetPace(): void {
    this.#pace = undefined
  }
}

/** As Node does it with the response that has the connection. */
function close(res: ServerResponse): void {
  res.destroy()
  res.emit('close')
}
