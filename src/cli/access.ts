import type { AccessOptions } from '../http/index.ts'
import { InvalidArgumentError } from '../index.ts'
import { readSecrets } from './secrets.ts'
import type { NameOf, Settings } from './settings.ts'

/**
 * Who may do what.
 * @throws {InvalidArgumentError} when a token is empty, or reading is opened while nothing is closed.
 */
export function readAccess(settings: Settings, nameOf: NameOf): Required<AccessOptions> {
  const { publicRead } = settings
  const tokens = readSecrets(
    { name: nameOf('token'), given: settings.token },
    { name: nameOf('tokenFile'), given: settings.tokenFile },
  )
  const readTokens = readSecrets(
    { name: nameOf('readToken'), given: settings.readToken },
    { name: nameOf('readTokenFile'), given: settings.readTokenFile },
  )
  if (publicRead && tokens.length === 0) {
    throw new InvalidArgumentError(
      `${nameOf('publicRead')} needs a --token for those who may write; without one anybody may`,
    )
  }
  return { tokens, readTokens, publicRead }
}
