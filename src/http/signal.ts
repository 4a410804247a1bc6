import type { IncomingMessage, ServerResponse } from 'node:http'
import type { StoredFile } from '../index.ts'
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

/** The signal for reads of several chunks. That of a single chunk would only end waits for memory. */
export function readSignal(request: Request, { manifest }: StoredFile): AbortSignal | undefined {
  return manifest.chunkCount > 1 ? abortSignal(request) : undefined
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
