import type { Credentials } from '../address.ts'
import { ConnectionError } from '../connection-error.ts'
import type { Reply, Request } from '../protocol/protocol.ts'

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

/**
 * Asks the first questions on a new connection: authenticates, if there are credentials, and asks
 * how large an item may be. The answer also shows that memcached is there; an open connection does
 * not.
 * @param ask Sends at once, ahead of everything that waits.
 * @returns The server's limit for an item as a whole, or `undefined` when it does not tell.
 * @throws {ConnectionError} `auth`
 */
export async function shakeHands(
  credentials: Credentials | undefined,
  ask: (request: Request) => Promise<Reply>,
): Promise<number | undefined> {
  if (credentials !== undefined) {
    const { status, text } = await ask({ verb: 'auth', credentials })
    if (status !== 'ok') throw refusal('memcached did not accept the credentials', text)
  }
  const { status, text, figures } = await ask({ verb: 'stats', key: 'settings' })
  if (status === 'unauthorized') throw refusal('memcached wants credentials', text)
  return parseSize(figures?.get('item_size_max') ?? '')
}

function parseSize(text: string): number | undefined {
  const size = /^\d{1,10}$/.test(text) ? Number(text) : 0
  return size > 0 && size <= MAX_ITEM_SIZE ? size : undefined
}

const refusal = (message: string, text = 'no reason given') =>
  new ConnectionError('auth', `${message}: ${text}`)
