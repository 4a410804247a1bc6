import type { Credentials } from '../address.ts'
import { ConnectionError, violation } from '../connection-error.ts'
import type { Codec, Reply, Request } from '../protocol/protocol.ts'
import { type ServerSettings, settingsOf } from '../server-settings.ts'

/** Sends at once, ahead of everything that waits. */
type Ask = (request: Request) => Promise<Reply>

/**
 * Asks the first questions on a new connection: whether the server speaks the protocol, which an
 * open connection does not show. Authenticates, if there are credentials.
 * @throws {ConnectionError} `auth`, and `protocol` when it does not.
 */
export async function greet(
  { hello }: Codec,
  credentials: Credentials | undefined,
  ask: Ask,
): Promise<void> {
  let isKnown = credentials === undefined
  const authenticate = async () => {
    const { status, text } = await ask({ verb: 'auth', credentials: credentials! })
    if (status !== 'ok') throw refusal('memcached did not accept the credentials', text)
    isKnown = true
  }
  if (hello.length === 0 && !isKnown) await authenticate()
  for (const request of hello) {
    let reply = await ask(request)
    if (reply.status === 'unauthorized' && !isKnown) {
      await authenticate()
      reply = await ask(request)
    }
    if (reply.status === 'unauthorized') throw unauthorized(reply)
    if (reply.status === 'unknown') throw violation('that it has no such command')
    // It would store what tells the credentials as a value.
    if (!isKnown) throw refusal('memcached wants no credentials', 'remove user and password')
  }
}

/**
 * Asks how the server was started. Resolves with `undefined` when it does not tell.
 * @throws {ConnectionError} `auth`
 */
export async function askSettings(ask: Ask): Promise<ServerSettings | undefined> {
  const reply = await ask({ verb: 'stats', key: 'settings' })
  if (reply.status === 'unauthorized') throw unauthorized(reply)
  return settingsOf(reply.figures)
}

const unauthorized = ({ text }: Reply) =>
  refusal('memcached wants credentials, as in user:password@host', text)

const refusal = (message: string, text = 'no reason given') =>
  new ConnectionError('auth', `${message}: ${text}`)
