import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { isWaitingForContinue } from './request-body.ts'

/**
 * Ends requests whose client does nothing for `ms` although it is the client's turn: it sends nothing
 * of a body that is waited for, or takes nothing of an answer that is ready. Work of our own, such
 * as verifying a large file before its first byte, is no such silence.
 */
export function endIdleRequests(http: Server, ms: number): void {
  http.on('request', (req: IncomingMessage, res: ServerResponse) => {
    const watch = new Watch(req, res, ms)
    res.setTimeout(ms / 2, () => watch.onSilence())
  })
}

/** Told on the request when its body does not come; whoever listens answers. */
export const IDLE = 'idle'

/**
 * The socket tells of each half of `ms` in which nothing went through it. Whose turn it was for how
 * long it does not know, so that two halves in a row make the client idle.
 */
class Watch {
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #ms: number
  #last: { at: number; traffic: number } | undefined

  constructor(req: IncomingMessage, res: ServerResponse, ms: number) {
    this.#req = req
    this.#res = res
    this.#ms = ms
  }

  onSilence(): void {
    const { socket } = this.#req
    const now = { at: performance.now(), traffic: socket.bytesRead + socket.bytesWritten }
    const last = this.#last
    this.#last = this.#isClientsTurn() ? now : undefined
    socket.setTimeout(this.#ms / 2)
    if (this.#last === undefined || last === undefined) return
    // In between the socket may have seen progress that it does not tell of, and started anew.
    if (now.traffic === last.traffic && now.at - last.at < this.#ms * 0.75) this.#end()
  }

  #isClientsTurn(): boolean {
    const { readableLength, complete } = this.#req
    const isSilent = !complete && readableLength === 0 && !isWaitingForContinue(this.#req)
    return isSilent || this.#res.writableLength > 0
  }

  #end(): void {
    const isAnswerable = !this.#req.complete && !this.#res.headersSent
    if (isAnswerable && this.#req.listenerCount(IDLE) > 0) this.#req.emit(IDLE)
    else this.#req.socket.destroy()
  }
}
