import type { Context } from 'koa'
import { IDLE } from './idle.ts'
import { HttpProblem } from './problem.ts'

/** Aborted when the client goes away before it has the whole answer, or stops sending its body. */
export function abortSignal(ctx: Context): AbortSignal {
  const controller = new AbortController()
  const onClose = () => {
    if (!ctx.res.writableFinished) controller.abort(new ClientGoneError())
  }
  if (ctx.res.closed) onClose()
  else ctx.res.once('close', onClose)
  ctx.req.once(IDLE, () => controller.abort(new HttpProblem('request-timeout', IDLE_CLIENT, CLOSE)))
  return controller.signal
}

const IDLE_CLIENT = 'nothing of the body arrived for too long'
const CLOSE = { Connection: 'close' }

/** Nobody is left to answer. */
export class ClientGoneError extends Error {
  readonly code = 'client-gone'

  constructor() {
    super('the client closed its connection')
    this.name = 'ClientGoneError'
  }
}
