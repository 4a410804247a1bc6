import type { IncomingMessage, ServerResponse } from 'node:http'
import { IDLE } from './idle.ts'
import { HttpProblem } from './problem.ts'

/** Aborted when the client goes away before it has the whole answer, or stops sending its body. */
export function abortSignal({ req, res }: Request): AbortSignal {
  const controller = new AbortController()
  const onClose = () => {
    if (!res.writableFinished) controller.abort(new ClientGoneError())
  }
  if (res.destroyed) onClose()
  else res.once('close', onClose)
  req.once(IDLE, () => controller.abort(new HttpProblem('request-timeout', IDLE_CLIENT, CLOSE)))
  return controller.signal
}

/**
 * How to prepare the answer to a request. The signal is made where it is looked at: most small files do
 * without. A class, since each object literal with a getter gets a hidden class to itself, which keeps
 * the request alive until the whole heap is collected.
 */
export class Preparation {
  readonly verify: 'full' | 'stream'
  readonly #request: Request

  constructor(request: Request, verify: 'full' | 'stream' = 'full') {
    this.#request = request
    this.verify = verify
  }

  get signal(): AbortSignal {
    return abortSignal(this.#request)
  }
}

interface Request {
  readonly req: IncomingMessage
  readonly res: ServerResponse
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
