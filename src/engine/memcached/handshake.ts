import type { Credentials } from './address.ts'
import type { Exchange } from './connection.ts'
import { ConnectionError } from './connection-error.ts'
import { Opcode, Status, statusName } from './protocol.ts'
import { encode } from './request.ts'
import type { Response } from './response.ts'

export interface HandshakeHooks {
  /** Sends at once, ahead of everything that waits. */
  ask(exchange: Exchange): void
  /** @param maxItemSize `undefined` when the server does not tell. */
  done(maxItemSize: number | undefined): void
  fail(error: ConnectionError): void
}

/** The opaque of its requests, which no other has. */
const HANDSHAKE = 0
/** The largest `-I` that memcached takes. */
const MAX_ITEM_SIZE = 1024 * 1024 * 1024

/**
 * The first questions on a new connection: who we are, if anyone asks, and how large an
 * item may be. An answer shows that somebody is there; a listening socket alone does not.
 */
export function shakeHands(credentials: Credentials | undefined, hooks: HandshakeHooks): void {
  if (credentials === undefined) askSettings(hooks)
  else authenticate(credentials, hooks)
}

function authenticate({ username, password }: Credentials, hooks: HandshakeHooks): void {
  hooks.ask({
    request: encode(
      { opcode: Opcode.saslAuth, key: 'PLAIN', value: Buffer.from(`\0${username}\0${password}`) },
      HANDSHAKE,
    ),
    onResponse: ({ header: { status } }) => {
      if (status === Status.ok) askSettings(hooks)
      else hooks.fail(refusal('memcached did not accept the credentials', status))
    },
    onError: () => {},
  })
}

function askSettings(hooks: HandshakeHooks): void {
  let maxItemSize: number | undefined
  const onResponse = ({ header, key, val }: Response) => {
    if (header.status === Status.authError) {
      hooks.fail(refusal('memcached wants credentials', header.status))
    } else if (header.status !== Status.ok || header.totalBodyLength === 0) {
      hooks.done(maxItemSize)
    } else if (key.toString('latin1') === 'item_size_max') {
      maxItemSize = parseSize(val.toString('latin1'))
    }
  }
  onResponse.quiet = true
  const request = encode({ opcode: Opcode.stat, key: 'settings' }, HANDSHAKE)
  hooks.ask({ request, onResponse, onError: () => {} })
}

function parseSize(text: string): number | undefined {
  const size = /^\d{1,10}$/.test(text) ? Number(text) : 0
  return size > 0 && size <= MAX_ITEM_SIZE ? size : undefined
}

const refusal = (message: string, status: number) =>
  new ConnectionError('auth', `${message}: ${statusName(status)}`)
