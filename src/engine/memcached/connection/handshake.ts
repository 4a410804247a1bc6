import type { Credentials } from '../address.ts'
import { ConnectionError, violation } from '../connection-error.ts'
import type { Codec, Reply, Request } from '../protocol/protocol.ts'

/** The largest `-I` that memcached takes, in bytes. */
const MAX_ITEM_SIZE = 1024 * 1024 * 1024
/**
 * Bytes of an item beside its key and value: the header (48), the CAS (8), the zero after the key
 * (1) and the line end after the value (2). The limit `-I` counts all of it.
 */
const ITEM_OVERHEAD = 48 + 8 + 1 + 2

/**
 * Returns the largest value under a key of `keyLength` bytes when an item may take `maxItemSize`.
 */
export function maxValueSize(maxItemSize: number, keyLength: number): number {
  return Math.max(0, maxItemSize - ITEM_OVERHEAD - keyLength)
}

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
 * Asks how large an item may be. Resolves with `undefined` when the server does not tell.
 * @throws {ConnectionError} `auth`
 */
export async function askMaxItemSize(ask: Ask): Promise<number | undefined> {
  const reply = await ask({ verb: 'stats', key: 'settings' })
  if (reply.status === 'unauthorized') throw unauthorized(reply)
  return parseSize(reply.figures?.get('item_size_max') ?? '')
}

function parseSize(text: string): number | undefined {
  const size = /^\d{1,10}$/.test(text) ? Number(text) : 0
  return size > 0 && size <= MAX_ITEM_SIZE ? size : undefined
}

const unauthorized = ({ text }: Reply) =>
  refusal('memcached wants credentials, as in user:password@host', text)

const refusal = (message: string, text = 'no reason given') =>
  new ConnectionError('auth', `${message}: ${text}`)
