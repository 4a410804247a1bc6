import { ConnectionError } from '../connection-error.ts'

/** Memcached refuses a command, and is likely to refuse it again. */
export class Refusal extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'Refusal'
  }
}

/** The command is unknown or switched off. `ERROR` with a reason may be temporary. */
const REFUSED = /^(ERROR$|CLIENT_ERROR)/

/** Returns the error for an answer that is none of those expected. */
export function unexpectedAnswer(answer: string): Refusal | ConnectionError {
  const text = JSON.stringify(answer.slice(0, 80))
  if (REFUSED.test(answer)) return new Refusal(`memcached refused: ${text}`)
  return new ConnectionError('server-error', `memcached answered: ${text}`)
}
