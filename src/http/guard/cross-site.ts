import type { IncomingHttpHeaders } from 'node:http'
import type { Exchange } from '../exchange/exchange.ts'
import { HttpProblem } from '../problem.ts'

/**
 * Refuses what a page of another web site has a browser send. POST is the one method that changes
 * anything and that browsers send for any page without asking first, and a cache on a person's own
 * machine usually wants no token. What is no browser names no site, and passes.
 * @param origins As for `crossOrigin`: the sites that may.
 * @throws {HttpProblem}
 */
export function refuseOtherSites(exchange: Exchange, origins: ReadonlySet<string>): void {
  const { method, headers } = exchange
  if (method !== 'POST' || origins.has('*') || origins.has(headers.origin ?? '')) return
  if (!isOwn(headers)) {
    throw new HttpProblem('forbidden', 'pages of another web site may not do this')
  }
}

/** Fetch Metadata (W3C) tells behind any proxy; without it, the origin of the page does. */
function isOwn({ 'sec-fetch-site': site = '', origin = '', host }: IncomingHttpHeaders): boolean {
  if (site !== '') return site === 'same-origin' || site === 'none'
  return origin === '' || (URL.canParse(origin) && new URL(origin).host === host)
}
