import type { HttpResponse } from '../../transport.ts'

/** Where a request goes. */
export interface Place {
  origin: URL
  /** As it is sent: a URL would resolve the dots in a name. */
  path: string
}

/** Statuses after which the same request goes to another place; 303 is for GET and HEAD alone. */
const REDIRECTS = new Set([301, 302, 307, 308])

/**
 * Where a response redirects to: within the same host, since the token goes along, and never from https to
 * http. `undefined` for any other place, and for a body that can be sent
 * once.
 */
export function locate(
  { statusCode, headers }: HttpResponse,
  { origin }: Place,
  { isRead, isOnce }: { isRead: boolean; isOnce: boolean },
): Place | undefined {
  if (!REDIRECTS.has(statusCode) && !(statusCode === 303 && isRead)) return undefined
  if (isOnce) return undefined
  const [, to, path = '/'] = /^(https?:\/\/[^/?#]+)?(\/[^#]*)?/i.exec(headers.location ?? '') ?? []
  if (headers.location?.startsWith('//') || (to === undefined && path === '/')) return undefined
  const next = to === undefined ? origin : URL.parse(to)
  if (next === null || next.hostname !== origin.hostname) return undefined
  if (origin.protocol === 'https:' && next.protocol !== 'https:') return undefined
  return { origin: next, path }
}
