import { ConnectionError } from '../connection-error.ts'
import type { MemcachedSettings } from '../options.ts'
import type { Stage } from './connection.ts'

/** Returns the error with what the operator can do about it, if that can be told. */
export function adviseOn(
  error: ConnectionError,
  stage: Stage,
  { tls, protocol }: MemcachedSettings,
): ConnectionError {
  const advice = adviceFor(error, stage, tls !== undefined, protocol)
  if (advice === undefined) return error
  return new ConnectionError(error.code, `${error.message}; ${advice}`, error)
}

function adviceFor(
  { code }: ConnectionError,
  stage: Stage,
  isTls: boolean,
  protocol: string,
): string | undefined {
  if (
    stage === 'connecting' &&
    isTls &&
    (code === 'connect-timeout' || code === 'connect-failed')
  ) {
    return 'does the server speak TLS?'
  }
  if (stage !== 'open' || !NO_ANSWER.has(code)) return undefined
  const tls = isTls ? 'does it want a client certificate (tls.cert, tls.key)?' : 'does it want TLS?'
  if (protocol === 'auto') return `is it a memcached, and ${tls}`
  return `does it speak the ${protocol} protocol, which is set? auto finds out; ${tls}`
}

const NO_ANSWER: ReadonlySet<string> = new Set(['closed', 'reset', 'protocol', 'connect-timeout'])
