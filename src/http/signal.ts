import type { Context } from 'koa'

/** Aborted when the client goes away before it has the whole answer. */
export function abortSignal(ctx: Context): AbortSignal {
  const controller = new AbortController()
  ctx.res.once('close', () => {
    if (!ctx.res.writableFinished) controller.abort(new ClientGoneError())
  })
  return controller.signal
}

/** Nobody is left to answer. */
export class ClientGoneError extends Error {
  readonly code = 'client-gone'

  constructor() {
    super('the client closed its connection')
    this.name = 'ClientGoneError'
  }
}
