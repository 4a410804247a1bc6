import { ConnectionError } from '../connection-error.ts'
import type { MemcachedSettings } from '../options.ts'
import type { Stage } from './connection.ts'

/** What can be a server that does not understand, at its stage; other failures say what to do. */
const NO_ANSWER: ReadonlySet<string> = new Set([
  ...['closed', 'reset', 'protocol'],
  ...['connect-timeout', 'connect-failed'],
])

/** Returns the error with what the operator can do about it, if that can be told. */
export function adviseOn(
  error: ConnectionError,
  stage: Stage,
  settings: MemcachedSettings,
): ConnectionError {
  if (!NO_ANSWER.has(error.code)) return error
  const advice = adviceAt(stage, settings)
  if (advice === undefined) return error
  return new ConnectionError(error.code, `${error.message}; ${advice}`, error)
}

function adviceAt(stage: Stage, { tls, protocol }: MemcachedSettings): string | undefined {
  if (stage === 'connecting' && tls !== undefined) return 'does the server speak TLS?'
  if (stage !== 'open') return undefined
  const encryption =
    tls === undefined
      ? 'does it want TLS?'
      : 'does it want a client certificate (tls.cert, tls.key)?'
  if (protocol === 'auto') return `is it a memcached, and ${encryption}`
  return `does it speak the ${protocol} protocol, which is set? auto finds out; ${encryption}`
}
