import { ConnectionError } from './connection-error.ts'

/** Memcached does not do what it was asked to, and will hardly change its mind. */
export class Refusal extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'Refusal'
  }
}

/** The command is not known, or it is switched off. `ERROR` with a reason may be about this moment only. */
const REFUSED = /^(ERROR$|CLIENT_ERROR)/

/** What an answer means that is none of those that were expected. */
export function unexpectedAnswer(answer: string): Refusal | ConnectionError {
  const text = JSON.stringify(answer.slice(0, 80))
  if (REFUSED.test(answer)) return new Refusal(`memcached refused: ${text}`)
  return new ConnectionError('server-error', `memcached answered: ${text}`)
}
